import { openAnalyzer } from '../../src/core/analysis/open-analyzer.ts'
import type { Embedder, EmbedderProfile } from '../../src/core/embedder.ts'
import { QuarryError } from '../../src/core/errors.ts'
import type { LexicalStatistics } from '../../src/core/lexical-index.ts'
import { createPace } from '../../src/core/pace.ts'
import { abortError } from '../http.ts'
import { featuresOf, hash32, type TermFeatures } from './hashing.ts'
import { type HashedOptions, hashedOptions } from './options.ts'
import { scaled, sumOfSquares } from './vectors.ts'

const CACHED_TERMS_MAX = 100_000

/**
 * The offline default: texts with words or parts of words in common are near, texts that merely mean the same are not.
 * A passage's vector depends on the passage alone; the query's is weighted by how rare its terms are for the tenant.
 */
export function openHashed(options: HashedOptions = {}): Embedder {
  const { dimensions, analyzer: analyzerName } = hashedOptions.parse(options)
  const analyzer = openAnalyzer(analyzerName)
  const featuresFor = cached((term) => featuresOf(term, dimensions))
  const embed = (text: string, weightOf: (term: string) => number): Float32Array => {
    const vector = new Float32Array(dimensions)
    for (const [term, count] of countTerms(text, analyzer.terms(text)))
      add(vector, featuresFor(term), weightOf(term) * Math.sqrt(count))
    return unit(vector, text)
  }
  const profile: EmbedderProfile = {
    provider: 'quarry',
    model: `hashed-${analyzerName}`,
    revision: String(analyzer.revision),
    dimensions,
    normalized: true,
    queryPrefix: '',
    passagePrefix: '',
    inputTokensMax: 1_000_000,
    queryUsesStatistics: true,
    suggestedDenseWeight: 0.15,
  }

  return {
    profile,
    embedPassages: async (texts, { signal }) => {
      const index = texts.indexOf('')
      if (index >= 0)
        throw new QuarryError('invalid_request', `text ${index} is empty`, { details: { index } })
      const vectors: Float32Array[] = []
      const pace = createPace()
      for (const text of texts) {
        vectors.push(embed(text, () => 1))
        await pace()
        if (signal.aborted) throw abortError(signal)
      }
      return { vectors, tokens: 0 }
    },
    embedQuery: async (text, { statistics }) => {
      if (text === '') throw new QuarryError('invalid_request', 'the query is empty')
      return { vectors: [embed(text, rarityIn(statistics))], tokens: 0 }
    },
    checkHealth: async () => {},
    close: async () => {},
  }
}

/** BM25's idf over the tenant's chunks; every term alike while there are none. */
function rarityIn(statistics: LexicalStatistics | null): (term: string) => number {
  if (statistics === null || statistics.chunkCount === 0) return () => 1
  const { chunkCount } = statistics
  return (term) => {
    const frequency = statistics.documentFrequency(term)
    return Math.log(1 + (chunkCount - frequency + 0.5) / (frequency + 0.5))
  }
}

/** A text of which the analyzer leaves nothing, such as "!!!", is taken by its characters. */
function countTerms(text: string, terms: readonly string[]): Map<string, number> {
  const counts = new Map<string, number>()
  for (const term of terms.length > 0 ? terms : text) counts.set(term, (counts.get(term) ?? 0) + 1)
  return counts
}

function add(vector: Float32Array, { buckets, amounts }: TermFeatures, weight: number): void {
  for (let i = 0; i < buckets.length; i += 1) {
    const bucket = buckets[i] ?? 0
    vector[bucket] = (vector[bucket] ?? 0) + weight * (amounts[i] ?? 0)
  }
}

/** Features can cancel each other out; such a text gets a bucket by its hash, so that no vector is ever zero. */
function unit(vector: Float32Array, text: string): Float32Array {
  const squares = sumOfSquares(vector)
  if (squares > 0) return scaled(vector, 1 / Math.sqrt(squares))
  vector[hash32(text) % vector.length] = 1
  return vector
}

/** Forgets everything when full: words repeat so much that it is full of the common ones again at once. */
function cached(compute: (term: string) => TermFeatures): (term: string) => TermFeatures {
  const known = new Map<string, TermFeatures>()
  return (term) => {
    const found = known.get(term)
    if (found !== undefined) return found
    const features = compute(term)
    if (known.size >= CACHED_TERMS_MAX) known.clear()
    known.set(term, features)
    return features
  }
}
