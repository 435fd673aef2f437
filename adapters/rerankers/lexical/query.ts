import type { LexicalStatistics } from '../../../src/core/lexical-index.ts'
import type { Analyze } from './runs.ts'

/** The query's distinct terms by number, and what finding each is worth. */
export interface Query {
  readonly termIds: ReadonlyMap<string, number>
  /** Of the query's rarity, each term's part; they add up to 1. Rarity is BM25's idf over the tenant's chunks. */
  readonly shares: readonly number[]
  readonly pairs: readonly Pair[]
  /** The pairs that each term is one of. */
  readonly pairsOf: readonly (readonly number[])[]
}

/** Two terms that are neighbours in the query. */
export interface Pair {
  readonly first: number
  readonly second: number
  /** Of the rarity of all pairs; they add up to 1. */
  readonly share: number
}

/** Further terms are not looked at: a pasted page must not cost more than a question. */
const TERMS_MAX = 64

export function readQuery(
  text: string,
  analyze: Analyze,
  statistics: LexicalStatistics | null,
): Query {
  const termIds = new Map<string, number>()
  const sequence: number[] = []
  for (const term of analyze(text)) {
    const id = termIds.get(term) ?? termIds.size
    if (id >= TERMS_MAX) continue
    termIds.set(term, id)
    sequence.push(id)
  }
  const rarities = [...termIds.keys()].map((term) => rarityOf(term, statistics))
  const total = sum(rarities)
  const shares = rarities.map((rarity) => rarity / total)
  const pairs = pairsIn(sequence, shares)
  const pairsOf = shares.map((_, term) =>
    pairs.flatMap(({ first, second }, pair) => (first === term || second === term ? [pair] : [])),
  )
  return { termIds, shares, pairs, pairsOf }
}

function pairsIn(sequence: readonly number[], shares: readonly number[]): readonly Pair[] {
  const pairs: Pair[] = []
  for (let i = 1; i < sequence.length; i += 1) {
    const first = sequence[i - 1] as number
    const second = sequence[i] as number
    if (first === second) continue
    pairs.push({ first, second, share: (shares[first] as number) + (shares[second] as number) })
  }
  const total = sum(pairs.map(({ share }) => share))
  return pairs.map((pair) => ({ ...pair, share: pair.share / total }))
}

/** Every term alike where there are no statistics. */
function rarityOf(term: string, statistics: LexicalStatistics | null): number {
  if (statistics === null || statistics.chunkCount === 0) return 1
  const frequency = statistics.documentFrequency(term)
  return Math.log(1 + (statistics.chunkCount - frequency + 0.5) / (frequency + 0.5))
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0)
}
