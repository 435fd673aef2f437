/** A text's words, each once, numbered over all texts, and its weight of each. */
interface Vector {
  readonly words: Int32Array
  readonly weights: Float64Array
}

/**
 * Cosines of tf-idf vectors, (1 + ln tf) · ln(1 + N / df), from one text to all. Through postings, since two passages
 * share few of their words: comparing pair by pair is many times the work.
 */
export function cosines(texts: readonly Int32Array[]): (text: number) => Float64Array {
  const { numbered, wordCount } = numberWords(texts)
  const documentFrequency = new Int32Array(wordCount)
  const vectors = numbered.map((words) => countWords(words, documentFrequency))
  for (const { words, weights } of vectors) weigh(words, weights, documentFrequency, texts.length)
  const postings = invert(vectors, documentFrequency)
  return (text) => {
    const dots = new Float64Array(texts.length)
    const vector = vectors[text]
    if (vector !== undefined) addProducts(dots, vector, postings)
    return dots
  }
}

/** By word, the texts that hold it and their weights: those of `word` lie from `starts[word]` to `starts[word + 1]`. */
interface Postings {
  readonly starts: Int32Array
  readonly holders: Int32Array
  readonly weights: Float64Array
}

function addProducts(dots: Float64Array, vector: Vector, { starts, holders, weights }: Postings) {
  for (let at = 0; at < vector.words.length; at++) {
    const word = vector.words[at] ?? 0
    const weight = vector.weights[at] ?? 0
    const end = starts[word + 1] ?? 0
    for (let place = starts[word] ?? 0; place < end; place++) {
      const holder = holders[place] ?? 0
      dots[holder] = (dots[holder] ?? 0) + weight * (weights[place] ?? 0)
    }
  }
}

/** Puts numbers from 0 in place of hashes, by open addressing: a Map takes ten times as long over 50,000 words. */
function numberWords(texts: readonly Int32Array[]) {
  const total = texts.reduce((sum, words) => sum + words.length, 0)
  const mask = 2 ** Math.ceil(Math.log2(2 * total + 2)) - 1
  const keys = new Int32Array(mask + 1)
  const numbers = new Int32Array(mask + 1)
  let wordCount = 0
  const numberOf = (hash: number): number => {
    let slot = hash & mask
    while (numbers[slot] !== 0 && keys[slot] !== hash) slot = (slot + 1) & mask
    if (numbers[slot] === 0) {
      keys[slot] = hash
      numbers[slot] = ++wordCount
    }
    return (numbers[slot] ?? 0) - 1
  }
  return { numbered: texts.map((words) => words.map(numberOf)), wordCount }
}

/** Occurrences as weights, for now; adds the text to the document frequency of each of its words. */
function countWords(words: Int32Array, documentFrequency: Int32Array): Vector {
  const sorted = words.toSorted()
  const weights = new Float64Array(sorted.length)
  let count = 0
  for (let at = 0; at < sorted.length; at++) {
    const word = sorted[at] ?? 0
    if (at === 0 || word !== sorted[count - 1]) {
      sorted[count++] = word
      documentFrequency[word] = (documentFrequency[word] ?? 0) + 1
    }
    weights[count - 1] = (weights[count - 1] ?? 0) + 1
  }
  return { words: sorted.subarray(0, count), weights: weights.subarray(0, count) }
}

/** Turns occurrences into tf-idf weights of a vector of length 1. */
function weigh(
  words: Int32Array,
  weights: Float64Array,
  documentFrequency: Int32Array,
  textCount: number,
): void {
  let squares = 0
  for (let at = 0; at < words.length; at++) {
    const idf = Math.log(1 + textCount / (documentFrequency[words[at] ?? 0] ?? 1))
    const weight = (1 + Math.log(weights[at] ?? 1)) * idf
    weights[at] = weight
    squares += weight * weight
  }
  const length = Math.sqrt(squares)
  for (let at = 0; at < weights.length; at++) weights[at] = (weights[at] ?? 0) / length
}

function invert(vectors: readonly Vector[], documentFrequency: Int32Array): Postings {
  const starts = new Int32Array(documentFrequency.length + 1)
  for (let word = 0; word < documentFrequency.length; word++)
    starts[word + 1] = (starts[word] ?? 0) + (documentFrequency[word] ?? 0)
  const next = starts.slice()
  const holders = new Int32Array(starts.at(-1) ?? 0)
  const weights = new Float64Array(holders.length)
  for (const [text, vector] of vectors.entries()) {
    for (let at = 0; at < vector.words.length; at++) {
      const word = vector.words[at] ?? 0
      const place = next[word] ?? 0
      next[word] = place + 1
      holders[place] = text
      weights[place] = vector.weights[at] ?? 0
    }
  }
  return { starts, holders, weights }
}
