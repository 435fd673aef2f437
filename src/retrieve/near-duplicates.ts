import { mixed, wordHashes } from './words.ts'

/** Tells whether a text is nearly the same as one that was kept before. */
export interface NearDuplicates {
  /** False when the text nearly repeats a kept one; otherwise keeps it. */
  keepIfNew(text: string): boolean
}

/** Two texts are near-duplicates when their sets of three-word runs overlap by this much (Jaccard). */
const NEAR_DUPLICATE_JACCARD = 0.9

/**
 * Texts that share two of their 8 smallest hashes (a bottom-k sketch, Broder 1997; sets nine tenths alike share fewer
 * once in a million) are compared exactly; the others, nearly all, not at all.
 */
export function nearDuplicates(): NearDuplicates {
  const bySketch = new Map<number, Int32Array[]>()
  return {
    keepIfNew(text) {
      const runs = wordRuns(wordHashes(text))
      const sketch = smallest(runs)
      const suspects = sharing(Math.min(2, sketch.length), sketch, bySketch)
      if (suspects.some((kept) => jaccard(runs, kept) >= NEAR_DUPLICATE_JACCARD)) return false
      for (const hash of sketch) {
        const kept = bySketch.get(hash)
        if (kept === undefined) bySketch.set(hash, [runs])
        else kept.push(runs)
      }
      return true
    },
  }
}

/** Hashes of all three-word runs, in order; a shorter text is one run. */
export function wordRuns(words: Int32Array): Int32Array {
  if (words.length === 0) return words
  const runs = new Int32Array(Math.max(1, words.length - RUN_WORDS + 1))
  for (let start = 0; start < runs.length; start++) {
    let hash = 0
    const end = Math.min(start + RUN_WORDS, words.length)
    for (let at = start; at < end; at++) hash = Math.imul(hash, 31) + (words[at] ?? 0)
    runs[start] = mixed(hash)
  }
  return runs
}

/** Size of the intersection by size of the union, of two lists taken as sets. */
export function jaccard(a: Int32Array, b: Int32Array): number {
  const left = new Set(a)
  const right = new Set(b)
  let shared = 0
  for (const run of right) if (left.has(run)) shared += 1
  return shared / (left.size + right.size - shared)
}

const RUN_WORDS = 3
const SKETCH_SIZE = 8

/** What is kept under at least `count` of the sketch's hashes. */
function sharing(
  count: number,
  sketch: readonly number[],
  bySketch: ReadonlyMap<number, readonly Int32Array[]>,
): Int32Array[] {
  const counts = new Map<Int32Array, number>()
  for (const hash of sketch)
    for (const kept of bySketch.get(hash) ?? []) counts.set(kept, (counts.get(kept) ?? 0) + 1)
  const suspects: Int32Array[] = []
  for (const [kept, shared] of counts) if (shared >= count) suspects.push(kept)
  return suspects
}

/** The smallest of the values, each once, ascending. */
function smallest(values: Int32Array): number[] {
  const sketch: number[] = []
  let bound = Number.POSITIVE_INFINITY
  for (let at = 0; at < values.length; at++) {
    const value = values[at] ?? 0
    if (value >= bound || sketch.includes(value)) continue
    const place = sketch.findIndex((other) => other > value)
    sketch.splice(place === -1 ? sketch.length : place, 0, value)
    if (sketch.length > SKETCH_SIZE) sketch.pop()
    if (sketch.length === SKETCH_SIZE) bound = sketch[SKETCH_SIZE - 1] ?? bound
  }
  return sketch
}
