import type { Passage } from './passage.ts'
import type { Query } from './query.ts'

/** How much of a query a passage answers word by word: in [0, 1] each, and the same for every query and head. */
export interface Measures {
  /** BM25 as a share of what no passage can reach. It is there for what the lexical leg did not return, too. */
  readonly saturation: number
  /** The share of the query's rarity that the passage holds. */
  readonly coverage: number
  /** Of the terms that are neighbours in the query, how near they come to each other. */
  readonly proximity: number
  /** The same, where they stand in the query's order. */
  readonly order: number
  /** Coverage by the context alone: by title and headings. */
  readonly heading: number
}

/** BM25's constants, as collections have them by default. */
const K1 = 1.2
const B = 0.6
/** How many terms apart two neighbours of the query still count as near. */
const NEAR = 8

export function measure(passage: Passage, averageLength: number, query: Query): Measures {
  return {
    saturation: saturationOf(passage, averageLength, query),
    coverage: coverageOf(passage.terms, query),
    ...nearnessOf(passage, query),
    heading: coverageOf(passage.terms.slice(0, passage.contextCount), query),
  }
}

function coverageOf(terms: readonly number[], { shares }: Query): number {
  let coverage = 0
  for (const term of new Set(terms)) coverage += shares[term] as number
  return coverage
}

function saturationOf(
  { terms, length }: Passage,
  averageLength: number,
  { shares }: Query,
): number {
  const counts = new Float64Array(shares.length)
  for (const term of terms) counts[term] = (counts[term] as number) + 1
  const norm = K1 * (1 - B + (B * length) / Math.max(1, averageLength))
  let saturation = 0
  for (let term = 0; term < counts.length; term += 1) {
    const count = counts[term] as number
    saturation += ((shares[term] as number) * count) / (count + norm)
  }
  return saturation
}

function nearnessOf(
  { terms, places }: Passage,
  { pairs, pairsOf, shares }: Query,
): Pick<Measures, 'proximity' | 'order'> {
  const last = new Float64Array(shares.length).fill(Number.NEGATIVE_INFINITY)
  const apart = new Float64Array(pairs.length).fill(Number.POSITIVE_INFINITY)
  const apartInOrder = new Float64Array(pairs.length).fill(Number.POSITIVE_INFINITY)
  for (let i = 0; i < terms.length; i += 1) {
    const term = terms[i] as number
    const place = places[i] as number
    for (const id of pairsOf[term] as readonly number[]) {
      const { first, second } = pairs[id] as Pair
      const distance = place - (last[term === first ? second : first] as number)
      apart[id] = Math.min(apart[id] as number, distance)
      if (term === second) apartInOrder[id] = Math.min(apartInOrder[id] as number, distance)
    }
    last[term] = place
  }
  return { proximity: closeness(apart, pairs), order: closeness(apartInOrder, pairs) }
}

type Pair = Query['pairs'][number]

function closeness(apart: Float64Array, pairs: readonly Pair[]): number {
  let sum = 0
  for (const [id, { share }] of pairs.entries()) {
    const distance = apart[id] as number
    if (distance <= NEAR) sum += share / distance
  }
  return sum
}
