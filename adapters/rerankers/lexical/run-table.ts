import { detached } from '../../../src/core/detached.ts'

/** What stands between two white spaces, read. */
export interface Run {
  readonly terms: readonly string[]
  readonly tokens: readonly number[]
}

/** Of terms, as the table's records name them. */
export type Numbers = ReadonlyMap<string, number>

const RUNS_MAX = 2 ** 17
const SLOTS = 2 ** 18
/** Of English there are some 50,000; of n-grams there is no end. */
const TERMS_MAX = 2 ** 18
/** Longer ones are read anew each time; in languages without spaces that is most of a text. */
const RUN_CHARS_MAX = 32
const WORDS_AT_FIRST = 2 ** 16
/** 16 MiB; a run of English takes some 12. */
const WORDS_MAX = 2 ** 22

/** A record: its hash, how many terms, tokens and characters, then these, one word each. */
const TERM_COUNT = 1
const TOKEN_COUNT = 2
const CHAR_COUNT = 3
const HEAD = 4

/**
 * Runs that were read before, found by the characters of the text they stand in. All that is known of one lies together
 * in an array of numbers, since what reading a passage costs is waiting for memory. A run is known by the place of its
 * record, where the numbers of its terms lie from `termsFrom` to `termsEnd`, and from there its tokens to `tokensEnd`.
 */
export class RunTable {
  readonly #read: (text: string) => Run
  readonly #slots = new Uint32Array(SLOTS)
  readonly #numbers = new Map<string, number>()
  #words = new Int32Array(WORDS_AT_FIRST)
  /** Place 0 stands for none. */
  #end = HEAD
  #count = 0

  constructor(read: (text: string) => Run) {
    this.#read = read
  }

  /** Of all records; another array when it has grown. */
  get words(): Int32Array {
    return this.#words
  }

  /** It goes on reading, but keeps nothing more. */
  get isFull(): boolean {
    const isLong = this.#count >= RUNS_MAX || this.#end >= WORDS_MAX
    return isLong || this.#numbers.size >= TERMS_MAX
  }

  /** By which records name a term. */
  numberOf(term: string): number {
    const known = this.#numbers.get(term)
    if (known !== undefined) return known
    const number = this.#numbers.size + 1
    this.#numbers.set(detached(term), number)
    return number
  }

  /**
   * The record of the run from `start` to `end`, which is not empty. Good until the next call. In one that is not kept,
   * only the `asked` terms have their numbers, and all others 0.
   */
  at(text: string, start: number, end: number, asked: Numbers): number {
    if (end - start > RUN_CHARS_MAX)
      return this.#write(this.#read(text.slice(start, end)), asked, '', 0)
    const hash = hashOf(text, start, end)
    let slot = hash & (SLOTS - 1)
    for (let at = this.#slots[slot] as number; at !== 0; at = this.#slots[slot] as number) {
      if (this.#words[at] === hash && this.#isAt(at, text, start, end)) return at
      slot = (slot + 1) & (SLOTS - 1)
    }
    const own = text.slice(start, end)
    const run = this.#read(own)
    if (this.isFull) return this.#write(run, asked, '', 0)
    for (const term of run.terms) this.numberOf(term)
    const at = this.#write(run, this.#numbers, own, hash)
    this.#slots[slot] = at
    this.#end = at + HEAD + run.terms.length + run.tokens.length + own.length
    this.#count += 1
    return at
  }

  /** Behind what is kept. */
  #write({ terms, tokens }: Run, numbers: Numbers, chars: string, hash: number): number {
    const at = this.#end
    this.#makeRoom(at + HEAD + terms.length + tokens.length + chars.length)
    const words = this.#words
    words[at] = hash
    words[at + TERM_COUNT] = terms.length
    words[at + TOKEN_COUNT] = tokens.length
    words[at + CHAR_COUNT] = chars.length
    let next = at + HEAD
    for (const term of terms) words[next++] = numbers.get(term) ?? 0
    for (const token of tokens) words[next++] = token
    for (let i = 0; i < chars.length; i += 1) words[next++] = chars.charCodeAt(i)
    return at
  }

  #makeRoom(end: number): void {
    if (end <= this.#words.length) return
    const grown = new Int32Array(Math.max(end, 2 * this.#words.length))
    grown.set(this.#words)
    this.#words = grown
  }

  #isAt(at: number, text: string, start: number, end: number): boolean {
    const words = this.#words
    if (words[at + CHAR_COUNT] !== end - start) return false
    const from = tokensEnd(words, at) - start
    for (let i = start; i < end; i += 1) if (words[from + i] !== text.charCodeAt(i)) return false
    return true
  }
}

export function termsFrom(at: number): number {
  return at + HEAD
}

export function termsEnd(words: Int32Array, at: number): number {
  return at + HEAD + (words[at + TERM_COUNT] as number)
}

export function tokensEnd(words: Int32Array, at: number): number {
  return termsEnd(words, at) + (words[at + TOKEN_COUNT] as number)
}

/** FNV-1a over code units. */
function hashOf(text: string, start: number, end: number): number {
  let hash = 0x811c9dc5 | 0
  for (let at = start; at < end; at += 1) hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193)
  return hash ^ (hash >>> 15)
}
