import { selectLeast } from './select.ts'

/** Lists are ranked this many at a time, since most searches look no further. */
const BATCH = 128

/** The lists by falling keys, those of one key by their numbers; as far as anybody asks. */
export class ListsInOrder {
  /** Key and list in one number that rises as the key falls; the first `#sorted` are in their places. */
  readonly #ranked: Float64Array
  #sorted = 0

  constructor(keys: Float32Array) {
    this.#ranked = new Float64Array(keys.length)
    const bits = new Int32Array(keys.buffer, keys.byteOffset, keys.length)
    for (let list = 0; list < keys.length; list++) {
      const bit = bits[list] as number
      // The bits of a float rise with it once the sign is turned round, those of negative ones with all the others.
      const falling = bit < 0 ? bit : ~(bit | 0x80000000)
      this.#ranked[list] = (falling >>> 0) * 65_536 + list
    }
  }

  /** The list of a rank, from 0. */
  at(rank: number): number {
    while (rank >= this.#sorted) this.#sortMore()
    return (this.#ranked[rank] as number) % 65_536
  }

  #sortMore(): void {
    const rest = this.#ranked.subarray(this.#sorted)
    const batch = Math.min(BATCH, rest.length)
    selectLeast(rest, null, rest.length, batch)
    rest.subarray(0, batch).sort()
    this.#sorted += batch
  }
}
