import type { Chunk } from '../../../../src/core/model.ts'
import { hasRow } from '../bitmap.ts'
import { mergePostings, type RowOrder } from '../bm25/merge-postings.ts'
import type { Files } from '../files/files.ts'
import { compareRows } from '../segment/build-chunks.ts'
import { type Chunks, openChunks } from '../segment/open-chunks.ts'
import { type OpenSegment, onHeap, openSegment, type Space } from '../segment/open-segment.ts'
import type { MergeInput, SegmentOwner } from './job.ts'
import type { RowSource } from './row-source.ts'

interface Input {
  readonly segment: OpenSegment<Space>
  readonly chunks: Chunks
  readonly dead: Uint32Array | null
}

/** The live rows of several segments, which are in order each, as one in order. */
export async function mergeSource(
  files: Files,
  inputs: readonly MergeInput[],
  owner: SegmentOwner,
  signal: AbortSignal,
): Promise<RowSource> {
  const opened: Input[] = []
  for (const { path, dead } of inputs) {
    const segment = await openSegment(files, path, onHeap, { ...owner }, signal)
    const rows = Number(segment.about['rows'])
    opened.push({ segment, chunks: openChunks(segment.part('chunks'), rows), dead })
  }
  const order = orderOf(opened)
  const { inputOf, rowOf } = order
  return {
    count: rowOf.length,
    *chunks() {
      for (let at = 0; at < rowOf.length; at++) {
        const input = opened[inputOf[at] as number] as Input
        yield input.chunks.chunkAt(rowOf[at] as number)
      }
    },
    postings(spec) {
      const inputs = opened.map(({ segment, chunks }) => ({
        blocks: segment.part('postings'),
        count: chunks.count,
      }))
      return mergePostings(inputs, order, spec)
    },
    async readVectors(floats, dimensions) {
      for (const [number, { segment }] of opened.entries()) {
        const vectors = await vectorsOf(segment, signal)
        for (let at = 0; at < rowOf.length; at++) {
          if (inputOf[at] !== number) continue
          const from = (rowOf[at] as number) * dimensions
          floats.set(vectors.subarray(from, from + dimensions), at * dimensions)
        }
      }
    },
  }
}

/** Resident in the kinds that compare them, on disk in the others. */
async function vectorsOf(segment: OpenSegment<Space>, signal: AbortSignal): Promise<Float32Array> {
  const resident = segment.part('vectors')
  if (resident.has('floats')) return resident.f32('floats')
  return (await segment.readCold('vectors', 'floats', signal)) as Float32Array
}

/** Which row of which input comes where; always the least of the heads, of which there are few. */
function orderOf(inputs: readonly Input[]): RowOrder {
  const heads = inputs.map((input) => nextLive(input, 0))
  const inputOf: number[] = []
  const rowOf: number[] = []
  for (;;) {
    const least = leastHead(inputs, heads)
    const input = inputs[least]
    if (input === undefined) break
    const row = heads[least] as number
    inputOf.push(least)
    rowOf.push(row)
    heads[least] = nextLive(input, row + 1)
  }
  return { inputOf: Uint8Array.from(inputOf), rowOf: Uint32Array.from(rowOf) }
}

/** -1 where every input is at its end. */
function leastHead(inputs: readonly Input[], heads: readonly number[]): number {
  let least = -1
  let leastKey: ReturnType<typeof keyOf> | null = null
  for (const [i, input] of inputs.entries()) {
    const row = heads[i] as number
    if (row >= input.chunks.count) continue
    const key = keyOf(input.chunks, row)
    if (leastKey !== null && compareRows(leastKey, key) <= 0) continue
    least = i
    leastKey = key
  }
  return least
}

function keyOf(chunks: Chunks, row: number): Pick<Chunk, 'documentId' | 'ordinal' | 'id'> {
  return {
    documentId: chunks.documentAt(row),
    ordinal: chunks.ordinalAt(row),
    id: chunks.idAt(row),
  }
}

function nextLive({ chunks, dead }: Input, from: number): number {
  let row = from
  while (row < chunks.count && dead !== null && hasRow(dead, row)) row++
  return row
}
