/** 32 bits of FNV-1a over UTF-16 code units, mixed by murmur3's finaliser: the same on every machine and for ever. */
export function hash32(text: string, seed = 0): number {
  let hash = 0x811c9dc5 ^ seed
  for (let i = 0; i < text.length; i += 1) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193)
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35)
  return (hash ^ (hash >>> 16)) >>> 0
}

/** What one term adds to a vector: a signed amount in a few buckets. */
export interface TermFeatures {
  readonly buckets: Uint16Array
  readonly amounts: Float64Array
}

const GRAM = 4
/** A term's grams together weigh as much as the term: inflections and typos meet, and fewer terms are lost to shared buckets. */
const GRAMS_WEIGHT = 1

/** The term itself and its character 4-grams with its edges marked, each in one bucket with a sign. */
export function featuresOf(term: string, dimensions: number): TermFeatures {
  const grams = gramsOf(term)
  const buckets = new Uint16Array(grams.length + 1)
  const amounts = new Float64Array(grams.length + 1)
  place(buckets, amounts, 0, hash32(term), 1, dimensions)
  const each = GRAMS_WEIGHT / Math.sqrt(Math.max(1, grams.length))
  grams.forEach((gram, i) => {
    place(buckets, amounts, i + 1, hash32(gram, GRAM), each, dimensions)
  })
  return { buckets, amounts }
}

function place(
  buckets: Uint16Array,
  amounts: Float64Array,
  at: number,
  hash: number,
  amount: number,
  dimensions: number,
): void {
  buckets[at] = (hash >>> 1) % dimensions
  amounts[at] = (hash & 1) === 1 ? -amount : amount
}

function gramsOf(term: string): string[] {
  const marked = `<${term}>`
  const grams: string[] = []
  for (let i = 0; i + GRAM <= marked.length; i += 1) grams.push(marked.slice(i, i + GRAM))
  return grams
}
