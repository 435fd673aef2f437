import { randomInt } from 'node:crypto'
import { withRoom } from './growing.ts'

/**
 * Terms by their bytes, in a hash table with open addressing: `slots` holds 1 + the term's number, or 0. Kept on disk
 * and searched as it is built. The hash is keyed at random, so that nobody can write texts whose terms all collide.
 */
export interface TermTable extends TermBytes {
  /** A power of two of them. */
  readonly slots: Uint32Array
}

/** Terms by their numbers alone. */
export interface TermBytes {
  readonly key: number
  /** Of term `t`: bytes `starts[t]` to `starts[t + 1]`. */
  readonly starts: Uint32Array
  readonly bytes: Uint8Array
}

/** Encodes a term for `findTerm`; the bytes are valid until the next call. */
let scratch: Uint8Array = new Uint8Array(1024)

/**
 * Each UTF-16 unit on its own as one to three bytes (CESU-8), so that any two strings differ, lone surrogates too.
 * Gives the number of bytes.
 */
function encode(term: string): number {
  if (scratch.length < term.length * 3) scratch = new Uint8Array(term.length * 6)
  const bytes = scratch
  let to = 0
  for (let at = 0; at < term.length; at++) {
    const unit = term.charCodeAt(at)
    if (unit < 0x80) {
      bytes[to++] = unit
      continue
    }
    if (unit < 0x800) bytes[to++] = 0xc0 | (unit >>> 6)
    else {
      bytes[to++] = 0xe0 | (unit >>> 12)
      bytes[to++] = 0x80 | ((unit >>> 6) & 0x3f)
    }
    bytes[to++] = 0x80 | (unit & 0x3f)
  }
  return to
}

/** FNV-1a with a secret start and a secret odd factor, then murmur3's finish. */
function hashOf(bytes: Uint8Array, from: number, to: number, key: number): number {
  const factor = (key << 1) | 1
  let hash = key ^ 0x811c9dc5
  for (let at = from; at < to; at++) hash = Math.imul(hash ^ (bytes[at] as number), factor)
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35)
  return (hash ^ (hash >>> 16)) >>> 0
}

/** The term's number, or -1. */
export function findTerm(table: TermTable, term: string): number {
  const { slots } = table
  if (slots.length === 0) return -1
  return (slots[slotOf(table, encode(term))] as number) - 1
}

/** Where the term in `scratch` is, or the empty slot where it belongs. */
function slotOf({ key, starts, bytes, slots }: TermTable, length: number): number {
  const mask = slots.length - 1
  let slot = hashOf(scratch, 0, length, key) & mask
  for (;;) {
    const entry = slots[slot] as number
    if (entry === 0 || equals(bytes, starts[entry - 1] as number, starts[entry] as number, length))
      return slot
    slot = (slot + 1) & mask
  }
}

function equals(bytes: Uint8Array, from: number, to: number, length: number): boolean {
  if (to - from !== length) return false
  for (let at = 0; at < length; at++) if (bytes[from + at] !== scratch[at]) return false
  return true
}

/** Numbers terms from 0 in the order in which they first come. */
export class GrowingTermTable {
  readonly #key = randomInt(1, 2 ** 31)
  #starts: Uint32Array = new Uint32Array(1)
  #bytes: Uint8Array = new Uint8Array()
  #slots: Uint32Array = new Uint32Array(16)
  #count = 0

  get count(): number {
    return this.#count
  }

  /** What it takes in memory. */
  get byteLength(): number {
    return this.#starts.byteLength + this.#bytes.byteLength + this.#slots.byteLength
  }

  /** The number that a term was given, or -1. */
  find(term: string): number {
    return findTerm(this.#table(), term)
  }

  idOf(term: string): number {
    return this.#idOfEncoded(encode(term))
  }

  /** Of a term as another table holds it. */
  idOfBytes(bytes: Uint8Array, from: number, to: number): number {
    scratch = withRoom(scratch, to - from)
    scratch.set(bytes.subarray(from, to))
    return this.#idOfEncoded(to - from)
  }

  #idOfEncoded(length: number): number {
    const slot = slotOf(this.#table(), length)
    const known = this.#slots[slot] as number
    return known === 0 ? this.#add(length) : known - 1
  }

  /** What can fail for want of memory comes before anything of the term is there. */
  #add(length: number): number {
    const id = this.#count
    const from = this.#starts[id] as number
    this.#bytes = withRoom(this.#bytes, from + length)
    this.#starts = withRoom(this.#starts, id + 2)
    if ((id + 1) * 4 > this.#slots.length * 3)
      this.#slots = slotsFor(this.#table(), id, this.#slots.length * 2)
    this.#bytes.set(scratch.subarray(0, length), from)
    this.#starts[id + 1] = from + length
    this.#slots[slotOf(this.#table(), length)] = id + 1
    this.#count = id + 1
    return id
  }

  #table(): TermTable {
    return { key: this.#key, starts: this.#starts, bytes: this.#bytes, slots: this.#slots }
  }

  /** A copy of what it has now. */
  termBytes(): TermBytes {
    const starts = this.#starts.slice(0, this.#count + 1)
    return { key: this.#key, starts, bytes: this.#bytes.slice(0, starts[this.#count]) }
  }
}

/** The table of the terms that `order` names, each under its place there. */
export function tableOf(terms: TermBytes, order: Uint32Array): TermTable {
  const count = order.length
  const starts = new Uint32Array(count + 1)
  for (let id = 0; id < count; id++) {
    const old = order[id] as number
    const length = (terms.starts[old + 1] as number) - (terms.starts[old] as number)
    starts[id + 1] = (starts[id] as number) + length
  }
  const bytes = new Uint8Array(starts[count] as number)
  for (let id = 0; id < count; id++) {
    const old = order[id] as number
    bytes.set(terms.bytes.subarray(terms.starts[old], terms.starts[old + 1]), starts[id])
  }
  let size = 2
  while (count * 4 > size * 3) size *= 2
  const table = { key: terms.key, starts, bytes }
  return { ...table, slots: slotsFor(table, count, size) }
}

function slotsFor({ key, starts, bytes }: TermBytes, count: number, size: number): Uint32Array {
  const slots = new Uint32Array(size)
  const mask = size - 1
  for (let id = 0; id < count; id++) {
    let slot = hashOf(bytes, starts[id] as number, starts[id + 1] as number, key) & mask
    while (slots[slot] !== 0) slot = (slot + 1) & mask
    slots[slot] = id + 1
  }
  return slots
}
