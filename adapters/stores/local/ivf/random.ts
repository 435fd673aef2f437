/** Numbers in [0, 1) of a fixed sequence (mulberry32 by Tommy Ettinger). */
export function randomOf(seed: number): () => number {
  let state = seed | 0
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296
  }
}

/** `size` different numbers below `count`, in ascending order (Knuth's algorithm S); all of them where it has no more. */
export function sampleOf(count: number, size: number, random: () => number): Int32Array {
  const sample = new Int32Array(Math.min(count, size))
  let taken = 0
  for (let i = 0; taken < sample.length; i++)
    if (random() * (count - i) < sample.length - taken) sample[taken++] = i
  return sample
}
