import { analysed, analysedPassages } from './lexical-task.ts'

const K1 = 0.9
const B = 0.4

/** The exact best rows of some queries by Lucene's BM25, every passage scored. */
export async function exactBm25(
  count: number,
  queries: readonly string[],
  k: number,
): Promise<readonly (readonly number[])[]> {
  const texts = await analysedPassages(count)
  const asked = queries.map((query) => analysed(query).split(' '))
  const wanted = new Set(asked.flat())
  const frequencies = new Map<string, number>()
  let lengthTotal = 0
  const rows = texts.map((text) => {
    const words = text.split(' ')
    lengthTotal += words.length
    const counts = new Map<string, number>()
    for (const word of words) if (wanted.has(word)) counts.set(word, (counts.get(word) ?? 0) + 1)
    for (const word of counts.keys()) frequencies.set(word, (frequencies.get(word) ?? 0) + 1)
    return { counts, length: roundedLength(words.length) }
  })
  const average = lengthTotal / count
  const scoreOf = (words: readonly string[], { counts, length }: (typeof rows)[number]): number =>
    words.reduce((sum, word) => {
      const tf = counts.get(word)
      if (tf === undefined) return sum
      const df = frequencies.get(word) ?? 0
      const idf = Math.log(1 + (count - df + 0.5) / (df + 0.5))
      return sum + (idf * tf) / (tf + K1 * (1 - B + (B * length) / average))
    }, 0)
  return asked.map((words) =>
    rows
      .map((entry, row) => ({ row, score: scoreOf(words, entry) }))
      .filter(({ score }) => score > 0)
      .sort((a, b) => b.score - a.score || a.row - b.row)
      .slice(0, k)
      .map(({ row }) => row),
  )
}

/** Lucene's SmallFloat: lengths below 40 as they are, above them four significant bits of what is over 24. */
function roundedLength(length: number): number {
  const over = length - 24
  if (over < 16) return length
  const shift = Math.floor(Math.log2(over)) - 3
  return 24 + ((over >> shift) << shift)
}
