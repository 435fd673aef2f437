import type { LexicalSpec } from '../../../../src/core/vector-store.ts'
import type { BlockReader, Blocks } from '../blocks.ts'
import { withRoom } from './growing.ts'
import { invert } from './invert.ts'
import { fromBlocks, type PostingArrays, toBlocks, unitsAt } from './postings-blocks.ts'
import { GrowingTermTable } from './term-table.ts'
import { unitOf } from './weighted-terms.ts'

export interface PostingsInput {
  readonly blocks: BlockReader
  /** Of its rows, those that are left out too. */
  readonly count: number
}

/** Of each row of the result, which row of which input it was. Rows of one input stay in their order. */
export interface RowOrder {
  readonly inputOf: Uint8Array
  readonly rowOf: Uint32Array
}

/** Rows that are turned from postings back into terms at a time, some 20 MB. */
const SLICE_ROWS = 32_768
const LEFT_OUT = -1

interface Input {
  readonly postings: PostingArrays
  /** Where a row goes, or `LEFT_OUT`. */
  readonly placeOf: Int32Array
  /** The number that a term has in the result. */
  readonly termOf: Uint32Array
  /** Of each term, the first posting that no slice has taken yet. */
  readonly next: Uint32Array
}

/**
 * The postings of several segments as one, without a look at the texts: what `buildPostings` makes of the same rows, but
 * for how terms are numbered. All must have been made under the same spec.
 */
export function mergePostings(
  sources: readonly PostingsInput[],
  order: RowOrder,
  spec: LexicalSpec,
  sliceRows: number = SLICE_ROWS,
): Blocks {
  const inputs = openInputs(sources, order)
  const terms = new GrowingTermTable()
  const { frequencies, rowStarts, units } = count(inputs, terms, order.rowOf.length)
  const unit = unitOf(spec)
  const drain = (take: Take): void => {
    for (let from = 0; from < order.rowOf.length; from += sliceRows)
      drainSlice(inputs, order, rowStarts, from, from + sliceRows, take)
  }
  return toBlocks(
    invert({
      log: { count: rowStarts.at(-1) as number, drain },
      terms: terms.termBytes(),
      frequencies,
      lengths: Uint8Array.from(order.rowOf, (row, place) => {
        const { postings } = inputs[order.inputOf[place] as number] as Input
        return postings.lengths[row] as number
      }),
      lengthTotal: units * unit,
      unit,
      bm25: spec,
    }),
  )
}

type Take = (row: number, term: number, units: number) => void

function openInputs(sources: readonly PostingsInput[], { inputOf, rowOf }: RowOrder): Input[] {
  const inputs = sources.map(({ blocks, count }) => {
    const postings = fromBlocks(blocks, count)
    const next = postings.starts.slice(0, -1)
    const placeOf = new Int32Array(count).fill(LEFT_OUT)
    return { postings, placeOf, termOf: new Uint32Array(next.length), next }
  })
  for (let place = 0; place < rowOf.length; place++) {
    const { placeOf } = inputs[inputOf[place] as number] as Input
    placeOf[rowOf[place] as number] = place
  }
  return inputs
}

interface Tally {
  /** How many postings come before those of each row. */
  readonly rowStarts: Uint32Array
  /** Of all rows together, which is their length. */
  units: number
}

interface Counts extends Readonly<Tally> {
  /** In how many rows each term is. */
  readonly frequencies: Uint32Array
}

/** Numbers the terms that are in any row of the result. */
function count(inputs: readonly Input[], terms: GrowingTermTable, rowCount: number): Counts {
  let frequencies: Uint32Array = new Uint32Array(1024)
  const tally: Tally = { rowStarts: new Uint32Array(rowCount + 1), units: 0 }
  for (const input of inputs) {
    const { bytes, starts } = input.postings.terms
    for (let term = 0; term < input.termOf.length; term++) {
      const frequency = countTerm(input, term, tally)
      if (frequency === 0) continue
      const id = terms.idOfBytes(bytes, starts[term] as number, starts[term + 1] as number)
      input.termOf[term] = id
      frequencies = withRoom(frequencies, id + 1)
      frequencies[id] = (frequencies[id] as number) + frequency
    }
  }
  const { rowStarts } = tally
  for (let row = 0; row < rowCount; row++)
    rowStarts[row + 1] = (rowStarts[row + 1] as number) + (rowStarts[row] as number)
  return { ...tally, frequencies: frequencies.subarray(0, terms.count) }
}

/** In how many rows that stay the term is; each of them is counted at the start of the row behind it. */
function countTerm({ postings, placeOf }: Input, term: number, tally: Tally): number {
  const { starts, rows } = postings
  const { rowStarts } = tally
  let frequency = 0
  for (let at = starts[term] as number; at < (starts[term + 1] as number); at++) {
    const place = placeOf[rows[at] as number] as number
    if (place === LEFT_OUT) continue
    frequency += 1
    rowStarts[place + 1] = (rowStarts[place + 1] as number) + 1
    tally.units += unitsAt(postings, at)
  }
  return frequency
}

/** Gives the postings of the rows between two, row by row. */
function drainSlice(
  inputs: readonly Input[],
  { inputOf, rowOf }: RowOrder,
  rowStarts: Uint32Array,
  from: number,
  to: number,
  take: Take,
): void {
  const starts = rowStarts.subarray(from, to + 1)
  const base = starts[0] as number
  const postings = (starts.at(-1) as number) - base
  const slice = {
    from,
    nextOf: starts.map((start) => start - base),
    terms: new Uint32Array(postings),
    units: new Uint32Array(postings),
  }
  const ends = new Uint32Array(inputs.length)
  for (let place = from; place < from + starts.length - 1; place++)
    ends[inputOf[place] as number] = (rowOf[place] as number) + 1
  for (const [number, input] of inputs.entries()) fill(slice, input, ends[number] as number)
  for (let row = 0, at = 0; row < starts.length - 1; row++)
    for (const end = (starts[row + 1] as number) - base; at < end; at++)
      take(from + row, slice.terms[at] as number, slice.units[at] as number)
}

interface Slice {
  readonly from: number
  /** By row of the slice, where its next posting goes. */
  readonly nextOf: Uint32Array
  readonly terms: Uint32Array
  readonly units: Uint32Array
}

/** Puts the postings of the input's rows below `end` that no slice has taken into their rows of this one. */
function fill({ from, nextOf, terms, units }: Slice, input: Input, end: number): void {
  const { postings, placeOf, termOf, next } = input
  const { starts, rows } = postings
  for (let term = 0; term < termOf.length; term++) {
    const last = starts[term + 1] as number
    let at = next[term] as number
    for (; at < last && (rows[at] as number) < end; at++) {
      const place = placeOf[rows[at] as number] as number
      if (place === LEFT_OUT) continue
      const to = nextOf[place - from] as number
      nextOf[place - from] = to + 1
      terms[to] = termOf[term] as number
      units[to] = unitsAt(postings, at)
    }
    next[term] = at
  }
}
