import type { Analyzer } from '../../../../src/core/analyzer.ts'
import { QuarryError } from '../../../../src/core/errors.ts'
import type { Chunk } from '../../../../src/core/model.ts'
import type { FieldBoosts, LexicalSpec } from '../../../../src/core/vector-store.ts'

/** The terms of one chunk, each with its frequency, and the chunk's length. All are multiples of `unitOf`. */
export interface WeightedTerms {
  readonly terms: ReadonlyMap<string, number>
  readonly length: number
}

/** What of a chunk is searched by its words. */
export type Searched = Pick<Chunk, 'context' | 'text' | 'title' | 'headings'>

const BOOST_STEP = 1 / 16
const BOOST_MAX = 64

/** What a chunk is found by, the same in segments and deltas. */
export function weightedTerms(
  chunk: Searched,
  spec: Pick<LexicalSpec, 'boosts'>,
  analyzer: Analyzer,
): WeightedTerms {
  const terms = new Map<string, number>()
  let length = 0
  eachField(chunk, spec, (text, boost) => {
    analyzer.eachTerm(text, (term) => {
      terms.set(term, (terms.get(term) ?? 0) + boost)
      length += boost
    })
  })
  return { terms, length }
}

/** Each text that a chunk is found by, and what a word of it counts. */
export function eachField(
  { context, text, title, headings }: Searched,
  { boosts }: Pick<LexicalSpec, 'boosts'>,
  visit: (text: string, boost: number) => void,
): void {
  if (boosts === undefined) {
    visit(context, 1)
    visit(text, 1)
    return
  }
  if (boosts.title > 0) visit(title ?? '', boosts.title)
  if (boosts.headings > 0) for (const heading of headings) visit(heading, boosts.headings)
  if (boosts.body > 0) visit(text, boosts.body)
}

/** The largest number that every frequency is a multiple of, so that small whole numbers can stand for them. */
export function unitOf({ boosts }: Pick<LexicalSpec, 'boosts'>): number {
  if (boosts === undefined) return 1
  const steps = [boosts.title, boosts.headings, boosts.body].map((boost) => boost / BOOST_STEP)
  return steps.reduce(greatestCommonDivisor, 0) * BOOST_STEP
}

/** @throws QuarryError `invalid_request` naming the boost that is no multiple of 1/16 from 0 to 64 */
export function checkBoosts(boosts: FieldBoosts): void {
  for (const field of ['title', 'headings', 'body'] as const) {
    const boost = boosts[field]
    if (!(boost >= 0 && boost <= BOOST_MAX && Number.isInteger(boost / BOOST_STEP)))
      throw new QuarryError(
        'invalid_request',
        `the boost of ${field} is ${boost}; it takes a multiple of 1/16 from 0 to ${BOOST_MAX}`,
      )
  }
  if (boosts.title + boosts.headings + boosts.body === 0)
    throw new QuarryError('invalid_request', 'all boosts are 0, so that nothing can be searched')
}

function greatestCommonDivisor(a: number, b: number): number {
  let [larger, smaller] = [a, b]
  while (smaller !== 0) [larger, smaller] = [smaller, larger % smaller]
  return larger
}
