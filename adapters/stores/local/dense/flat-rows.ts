import type { Metric } from '../../../../src/core/vector-store.ts'
import type { Found, RowSearch } from '../found.ts'
import type { Memory, Region } from '../memory/memory.ts'
import { encodeRow, strideOf } from './encode-row.ts'
import type { FlatBlock } from './flat-block.ts'
import { searchFlat } from './flat-search.ts'

/** Rows that come one by one, searched as those of a flat segment are. */
export interface FlatRows {
  readonly count: number
  readonly bytes: number
  /**
   * For one more row, so that `append` can't fail.
   * @throws QuarryError `unavailable` where there is no memory for it
   */
  makeRoom(): void
  /** @throws QuarryError `unavailable` where there is no memory for one more */
  append(vector: Float32Array): void
  search(query: Float32Array, search: RowSearch, signal: AbortSignal): Promise<Found>
  free(): void
}

/** Most tenants write little at a time. Each further block has as many rows as all before it, up to the largest. */
const FIRST_ROWS = 32
const LAST_ROWS = 1_024

/** A block with room for `block.count` rows, of which `count` are there. */
interface Held {
  readonly block: FlatBlock
  readonly region: Region
  readonly first: number
  count: number
}

interface RowsSpec {
  readonly dimensions: number
  readonly metric: Metric
}

/** Blocks never grow or move, so that a search may pause while rows are added; it looks at those it began with. */
export function openFlatRows({ dimensions, metric }: RowsSpec, memory: Memory): FlatRows {
  const held: Held[] = []
  let count = 0

  const roomy = (): Held => {
    const last = held.at(-1)
    if (last !== undefined && last.count < last.block.count) return last
    const room = Math.min(LAST_ROWS, Math.max(FIRST_ROWS, count))
    const added = { ...newBlock(memory, room, dimensions), first: count, count: 0 }
    held.push(added)
    return added
  }

  return {
    get count() {
      return count
    },
    get bytes() {
      return held.reduce((sum, { region }) => sum + region.bytes, 0)
    },
    makeRoom() {
      roomy()
    },
    append(vector) {
      const into = roomy()
      encodeRow(into.block, into.count, vector, metric)
      into.block.floats.set(vector, into.count * dimensions)
      into.count += 1
      count += 1
    },
    async search(query, search, signal) {
      const pieces = held.map((piece) => ({ ...piece }))
      return await searchFlat(pieces, metric, query, search, signal)
    },
    free() {
      for (const { region } of held.splice(0)) region.free()
      count = 0
    },
  }
}

/** What the largest block takes that one more row can ask for. */
export function flatRowsBlockBytes(dimensions: number): number {
  return blockBytes(LAST_ROWS, dimensions)
}

function blockBytes(room: number, dimensions: number): number {
  return room * (4 * 8 + 4 * dimensions + strideOf(dimensions))
}

function newBlock(
  memory: Memory,
  room: number,
  dimensions: number,
): { readonly block: FlatBlock; readonly region: Region } {
  const stride = strideOf(dimensions)
  const doubles = room * 8
  const floats = room * dimensions
  const codes = room * stride
  const region = memory.allocate(blockBytes(room, dimensions))
  const block = {
    count: room,
    dimensions,
    kernels: region.kernels,
    stride,
    multipliers: region.f64(0, room),
    addends: region.f64(doubles, room),
    errors: region.f64(2 * doubles, room),
    norms: region.f64(3 * doubles, room),
    floats: region.f32(4 * doubles, floats),
    codes: region.i8(4 * doubles + 4 * floats, codes),
  }
  return { block, region }
}
