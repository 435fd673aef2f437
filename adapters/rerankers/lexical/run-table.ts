import { detached } from '../../detached.ts'

/** What stands between two white spaces. */
export interface Run {
  readonly terms: readonly string[]
  readonly tokens: readonly number[]
}

const RUNS_MAX = 50_000
/** Longer ones are read anew each time; in languages without spaces that is most of a text. */
const RUN_CHARS_MAX = 32
const SLOTS = 2 ** 17

/**
 * Runs that were read before, found by the characters of the text they stand in: a slice of it for each would cost ten
 * times as much as finding it. When full, those that were met only once since the last time are forgotten.
 */
export class RunTable {
  readonly #read: (text: string) => Run
  readonly #slots = new Uint32Array(SLOTS)
  readonly #hashes = new Int32Array(RUNS_MAX + 1)
  /** Whether a run was met again. */
  readonly #isMet = new Uint8Array(RUNS_MAX + 1)
  #texts: string[] = ['']
  #runs: Run[] = [{ terms: [], tokens: [] }]

  constructor(read: (text: string) => Run) {
    this.#read = read
  }

  /** The run from `start` to `end`, which is not empty. */
  at(text: string, start: number, end: number): Run {
    if (end - start > RUN_CHARS_MAX) return this.#read(text.slice(start, end))
    const hash = hashOf(text, start, end)
    let slot = hash & (SLOTS - 1)
    for (
      let place = this.#slots[slot] as number;
      place !== 0;
      place = this.#slots[slot] as number
    ) {
      if (this.#hashes[place] === hash && isAt(text, start, end, this.#texts[place] as string)) {
        this.#isMet[place] = 1
        return this.#runs[place] as Run
      }
      slot = (slot + 1) & (SLOTS - 1)
    }
    const own = detached(text.slice(start, end))
    const run = this.#read(own)
    if (this.#runs.length > RUNS_MAX) this.#forget()
    this.#add(own, hash, run)
    return run
  }

  #add(text: string, hash: number, run: Run): void {
    const place = this.#runs.length
    this.#texts.push(text)
    this.#runs.push(run)
    this.#hashes[place] = hash
    this.#isMet[place] = 0
    let slot = hash & (SLOTS - 1)
    while (this.#slots[slot] !== 0) slot = (slot + 1) & (SLOTS - 1)
    this.#slots[slot] = place
  }

  #forget(): void {
    const [texts, runs, hashes] = [this.#texts, this.#runs, this.#hashes.slice()]
    const met = texts.flatMap((_, place) => (this.#isMet[place] === 1 ? [place] : []))
    this.#texts = texts.slice(0, 1)
    this.#runs = runs.slice(0, 1)
    this.#slots.fill(0)
    // Where most of them are common, keeping them would mean to forget again at once.
    if (met.length > RUNS_MAX / 2) return
    for (const place of met)
      this.#add(texts[place] as string, hashes[place] as number, runs[place] as Run)
  }
}

/** FNV-1a over code units. */
function hashOf(text: string, start: number, end: number): number {
  let hash = 0x811c9dc5 | 0
  for (let at = start; at < end; at += 1) hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193)
  return hash ^ (hash >>> 15)
}

function isAt(text: string, start: number, end: number, known: string): boolean {
  if (known.length !== end - start) return false
  for (let at = 0; at < known.length; at += 1)
    if (text.charCodeAt(start + at) !== known.charCodeAt(at)) return false
  return true
}
