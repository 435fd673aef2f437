import type { StaticModel } from '../../static-model/open-static-model.ts'
import { type DotKernel, openDotKernel } from '../kernels/dot-kernel.ts'
import type { Interaction, Meeting } from '../lexical/rerank.ts'
import { termsEnd, tokensEnd } from '../lexical/run-table.ts'
import type { Tokenize } from '../lexical/runs.ts'
import { CosineTable } from './cosine-table.ts'
import { TokenSet } from './token-set.ts'

/** Distinct tokens of a query and of a passage that are compared; further ones are left out. */
const QUERY_TOKENS_MAX = 64
const PASSAGE_TOKENS_MAX = 4_096

/**
 * ColBERT's MaxSim (Khattab and Zaharia 2020) over token vectors that don't depend on the context: each token of the
 * query is met by the passage's most similar one, and counts by the length of its vector, which is small for words that
 * are everywhere.
 */
export function openInteraction(
  model: StaticModel,
  options: { readonly scalar?: boolean } = {},
): Interaction {
  const { dimensions, rows, scales } = model
  const kernel = openDotKernel({ dimensions, rows, queriesMax: QUERY_TOKENS_MAX, ...options })
  const lengths = lengthsOf(model)
  const tokenize = tokenizer(model)
  return {
    tokenize,
    meet(query) {
      const ids = [...new Set(tokenize(query))].slice(0, QUERY_TOKENS_MAX)
      if (ids.length === 0) return NOTHING_TO_MEET
      const weights = ids.map((id) => (scales[id] as number) * (lengths[id] as number))
      const total = weights.reduce((sum, weight) => sum + weight, 0)
      const shares = weights.map((weight) => weight / total)
      const idLengths = Float64Array.from(ids, (id) => lengths[id] as number)
      return meetingOf({ ids, idLengths, shares, model, kernel, lengths })
    },
  }
}

const NOTHING_TO_MEET: Meeting = { begin() {}, addRun() {}, similarity: () => 0 }

interface Comparing {
  /** The query's distinct tokens. */
  readonly ids: readonly number[]
  readonly idLengths: Float64Array
  /** How much each counts; they add up to 1. */
  readonly shares: readonly number[]
  readonly model: StaticModel
  readonly kernel: DotKernel
  readonly lengths: Float64Array
}

function meetingOf(comparing: Comparing): Meeting {
  const { ids, shares, model } = comparing
  const table = new CosineTable(ids.length, model.scales.length)
  const distinct = new TokenSet(model.scales.length, PASSAGE_TOKENS_MAX)
  return {
    begin: () => distinct.clear(),
    addRun: ({ words }, run) => distinct.addAll(words, termsEnd(words, run), tokensEnd(words, run)),
    similarity() {
      const tokens = distinct.tokens()
      compare(table.unknown(tokens), table, comparing)
      const best = table.bestOf(tokens)
      return shares.reduce((sum, share, k) => sum + share * (best[k] as number), 0)
    },
  }
}

/** Tokens that have a vector. */
function tokenizer({ tokens, scales }: StaticModel): Tokenize {
  const ids = new Int32Array(PASSAGE_TOKENS_MAX + tokens.wordTokensMax)
  return (text) => {
    const { count } = tokens.fill(text, 0, ids)
    const found: number[] = []
    for (let at = 0; at < count; at += 1) {
      const id = ids[at] as number
      if (id !== tokens.unknownId && (scales[id] as number) > 0) found.push(id)
    }
    return found
  }
}

/** Keeps the cosines of new tokens. One piece, so queries may take turns with the kernel. */
function compare(
  fresh: readonly number[],
  table: CosineTable,
  { ids, idLengths, model: { dimensions, rows }, kernel, lengths }: Comparing,
): void {
  if (fresh.length === 0) return
  for (const [at, id] of ids.entries()) {
    const row = rows.subarray(id * dimensions, (id + 1) * dimensions)
    kernel.queries.set(row, at * kernel.stride)
  }
  for (let at = 0; at < fresh.length; at += 1) {
    const id = fresh[at] as number
    table.add(id, kernel.dotRow(id, ids.length), lengths[id] as number, idLengths)
  }
}

/** Of the rows without their scales; 1 for a row of zeros, whose products are 0. */
function lengthsOf({ dimensions, rows, scales }: StaticModel): Float64Array {
  return Float64Array.from(scales, (_, id) => {
    let squares = 0
    for (let at = id * dimensions; at < (id + 1) * dimensions; at += 1)
      squares += (rows[at] as number) ** 2
    return squares > 0 ? Math.sqrt(squares) : 1
  })
}
