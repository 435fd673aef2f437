import type { RerankCandidate } from '../../../src/core/reranker.ts'
import type { StaticModel } from '../../static-model/open-static-model.ts'
import { type DotKernel, openDotKernel } from '../kernels/dot-kernel.ts'
import type { Interaction } from '../lexical/rerank.ts'

/** Distinct tokens of a query and of a passage that are compared; further ones are left out. */
const QUERY_TOKENS_MAX = 64
const PASSAGE_TOKENS_MAX = 4_096
/** Rows multiplied in one call of the kernel. */
const ROWS_MAX = 256

interface QueryTokens {
  readonly ids: readonly number[]
  /** How much each counts, adding up to 1: the length of its vector, which is small for words that are everywhere. */
  readonly shares: readonly number[]
}

/**
 * ColBERT's MaxSim (Khattab and Zaharia 2020) over token vectors that don't depend on the context: each token of the
 * query is met by the passage's most similar one, and counts by its weight in the model.
 */
export function openInteraction(
  model: StaticModel,
  options: { readonly scalar?: boolean } = {},
): (query: string) => Interaction {
  const { dimensions } = model
  const limits = { dimensions, rowsMax: ROWS_MAX, queriesMax: QUERY_TOKENS_MAX }
  const kernel = openDotKernel({ ...limits, ...options })
  const lengths = lengthsOf(model)
  return (text) => {
    const query = queryTokens(text, model, lengths)
    if (query.ids.length === 0) return () => 0
    const known = new Map<number, Float64Array>()
    return (candidate) => {
      const ids = passageTokens(candidate, model)
      compare(
        ids.filter((id) => !known.has(id)),
        query,
        { model, kernel, lengths, known },
      )
      return maxSim(ids, query, known)
    }
  }
}

function queryTokens(text: string, model: StaticModel, lengths: Float64Array): QueryTokens {
  const ids = distinctTokens(text, model, QUERY_TOKENS_MAX)
  const weights = ids.map((id) => (model.scales[id] as number) * (lengths[id] as number))
  const total = weights.reduce((sum, weight) => sum + weight, 0)
  return { ids, shares: weights.map((weight) => weight / total) }
}

function passageTokens({ context, text }: RerankCandidate, model: StaticModel): readonly number[] {
  return distinctTokens(context === '' ? text : `${context}\n${text}`, model, PASSAGE_TOKENS_MAX)
}

/** Tokens that have a vector. */
function distinctTokens(text: string, { tokens, scales }: StaticModel, max: number): number[] {
  const distinct = new Set(tokens.encode(text, max))
  distinct.delete(tokens.unknownId)
  return [...distinct].filter((id) => (scales[id] as number) > 0)
}

interface Comparing {
  readonly model: StaticModel
  readonly kernel: DotKernel
  readonly lengths: Float64Array
  /** Cosines with each of the query's tokens, by the passage's token. */
  readonly known: Map<number, Float64Array>
}

/** Copies the rows of new tokens to the kernel and keeps their cosines. One piece, so queries may take turns with it. */
function compare(
  fresh: readonly number[],
  { ids }: QueryTokens,
  { model, kernel, lengths, known }: Comparing,
): void {
  if (fresh.length === 0) return
  const { dimensions, rows } = model
  for (const [at, id] of ids.entries())
    kernel.queries.set(rows.subarray(id * dimensions, (id + 1) * dimensions), at * kernel.stride)
  for (let from = 0; from < fresh.length; from += ROWS_MAX) {
    const part = fresh.slice(from, from + ROWS_MAX)
    for (const [at, id] of part.entries())
      kernel.rows.set(rows.subarray(id * dimensions, (id + 1) * dimensions), at * kernel.stride)
    const products = kernel.dotAll(part.length, ids.length)
    for (const [at, id] of part.entries()) {
      const length = lengths[id] as number
      const cosines = Float64Array.from(ids, (queryId, k) => {
        const product = products[at * ids.length + k] as number
        return product / (length * (lengths[queryId] as number))
      })
      known.set(id, cosines)
    }
  }
}

function maxSim(
  passage: readonly number[],
  { shares }: QueryTokens,
  known: ReadonlyMap<number, Float64Array>,
): number {
  const best = new Float64Array(shares.length)
  for (const id of passage) {
    const cosines = known.get(id) as Float64Array
    for (let k = 0; k < best.length; k += 1)
      if ((cosines[k] as number) > (best[k] as number)) best[k] = cosines[k] as number
  }
  return shares.reduce((sum, share, k) => sum + share * (best[k] as number), 0)
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
