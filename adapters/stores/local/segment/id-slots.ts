import { QuarryError } from '../../../../src/core/errors.ts'
import type { Strings } from './strings.ts'

/** Rows by id: open addressing with linear probing, a third to two thirds full. A slot holds the row plus 1, or 0. */
export function buildSlots(ids: readonly string[]): Uint32Array {
  let size = 2
  while (size < ids.length * 1.5) size *= 2
  const slots = new Uint32Array(size)
  for (let row = 0; row < ids.length; row++) {
    const id = ids[row] as string
    let at = hashOf(id) & (size - 1)
    for (let taken = slots[at] as number; taken !== 0; taken = slots[at] as number) {
      if (ids[taken - 1] === id)
        throw new QuarryError('internal', `chunk ${id} is in rows ${taken - 1} and ${row}`)
      at = (at + 1) & (size - 1)
    }
    slots[at] = row + 1
  }
  return slots
}

/** -1 where no row has the id. */
export function findRow(slots: Uint32Array, ids: Strings, id: string): number {
  const mask = slots.length - 1
  let at = hashOf(id) & mask
  for (let probes = 0; probes <= mask; probes++) {
    const row = (slots[at] as number) - 1
    if (row < 0) return -1
    if (ids.equals(row, id)) return row
    at = (at + 1) & mask
  }
  return -1
}

/** FNV-1a over the code units, mixed by the finaliser of MurmurHash3, since FNV's low bits are weak. */
function hashOf(id: string): number {
  let hash = 0x811c9dc5
  for (let at = 0; at < id.length; at++) hash = Math.imul(hash ^ id.charCodeAt(at), 0x01000193)
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35)
  return hash ^ (hash >>> 16)
}
