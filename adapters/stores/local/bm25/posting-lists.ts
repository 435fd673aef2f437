import { withRoom } from './growing.ts'

/** Words of a posting: its row, its frequency. */
export const POSTING_WORDS = 2
/** Postings of the largest slice. */
const SLICE_MAX = 128

/** What is known of a list lies together: its first slice, where its next posting goes, how many it has, how many live. */
const LIST_WORDS = 4
const TAIL = 1
const COUNT = 2
const LIVE = 3

/**
 * Lists of postings that grow side by side in one array. A list lies in slices, each with twice the room of the one
 * before it and a word that tells where the next is, as Lucene's index writer has them. Empty ones take no memory: most
 * tenants write little at a time.
 */
export class PostingLists {
  #words: Uint32Array = new Uint32Array()
  #used = 0
  #lists: Uint32Array = new Uint32Array()
  #copy: Uint32Array = new Uint32Array()

  get bytes(): number {
    return this.#words.byteLength + this.#lists.byteLength + this.#copy.byteLength
  }

  /** How many words one more posting of the list takes: none where its last slice has room. */
  wordsFor(list: number): number {
    const count = this.#lists[list * LIST_WORDS + COUNT] ?? 0
    return isFull(count) ? wordsBehind(count) : 0
  }

  /** For all lists below `end`, and so many more words of postings. */
  makeRoom(end: number, words: number): void {
    this.#lists = withRoom(this.#lists, end * LIST_WORDS)
    this.#words = withRoom(this.#words, this.#used + words)
  }

  /** `makeRoom` was told of the list and of its words. */
  push(list: number, row: number, units: number): void {
    const of = list * LIST_WORDS
    const count = this.#lists[of + COUNT] as number
    if (isFull(count)) this.#addSlice(of, count)
    const at = this.#lists[of + TAIL] as number
    this.#words[at] = row
    this.#words[at + 1] = units
    this.#lists[of + TAIL] = at + POSTING_WORDS
    this.#lists[of + COUNT] = count + 1
    this.#lists[of + LIVE] = (this.#lists[of + LIVE] as number) + 1
  }

  /** Counts one posting less; it stays where it is. */
  leave(list: number): void {
    const at = list * LIST_WORDS + LIVE
    this.#lists[at] = (this.#lists[at] as number) - 1
  }

  /** How many came and did not leave. */
  liveCount(list: number): number {
    return this.#lists[list * LIST_WORDS + LIVE] ?? 0
  }

  /** The postings of a list, `POSTING_WORDS` each, in the order in which they came; valid until the next call. */
  read(list: number): Uint32Array {
    const of = list * LIST_WORDS
    const count = this.#lists[of + COUNT] ?? 0
    this.#copy = withRoom(this.#copy, count * POSTING_WORDS)
    let from = this.#lists[of] as number
    for (let done = 0; done < count; ) {
      const taken = Math.min(count - done, roomBehind(done))
      const to = from + taken * POSTING_WORDS
      this.#copy.set(this.#words.subarray(from, to), done * POSTING_WORDS)
      done += taken
      from = this.#words[to] as number
    }
    return this.#copy.subarray(0, count * POSTING_WORDS)
  }

  #addSlice(of: number, count: number): void {
    const from = this.#used
    this.#used += wordsBehind(count)
    if (count === 0) this.#lists[of] = from
    else this.#words[this.#lists[of + TAIL] as number] = from
    this.#lists[of + TAIL] = from
  }
}

/** Slices have room for 2, 4, 8 postings and so on: they are full with 0, 2, 6, 14. */
function isFull(count: number): boolean {
  const next = count + 2
  return (next & (next - 1)) === 0 || (next > SLICE_MAX && next % SLICE_MAX === 0)
}

/** Of the slice that follows on so many postings, with the word that tells where the next is. */
function wordsBehind(count: number): number {
  return roomBehind(count) * POSTING_WORDS + 1
}

/** Of the slice that follows on so many postings. */
function roomBehind(count: number): number {
  return Math.min(count + 2, SLICE_MAX)
}
