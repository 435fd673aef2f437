import { randomBits } from '../statistics/random.ts'

/** Divides `count` things at random into parts of about one size; each is the indexes of its own. */
export function foldsOf(count: number, folds: number, seed: number): number[][] {
  const order = Array.from({ length: count }, (_, at) => at)
  const next = randomBits(seed)
  for (let at = count - 1; at > 0; at -= 1) {
    const other = Math.floor((next() / 2 ** 32) * (at + 1))
    const kept = order[at] as number
    order[at] = order[other] as number
    order[other] = kept
  }
  const parts = Math.min(folds, count)
  return Array.from({ length: parts }, (_, part) => order.filter((_, at) => at % parts === part))
}
