import { createReadStream, createWriteStream } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { pipeline } from 'node:stream/promises'
import { openAnalyzer } from '../../src/core/analysis/open-analyzer.ts'
import { cached, exists } from './cache.ts'
import { DATASETS } from './datasets.ts'
import { passageLines, passagesFile } from './passages.ts'
import { randomFrom } from './random.ts'

const QUERIES_OF_A_KIND = 500

const analyzer = openAnalyzer('english')

/** What every lexical contender is given: how many passages, and questions in words as people type them. */
export interface LexicalTask {
  readonly count: number
  readonly queries: readonly string[]
}

/** In turn questions (where the set is there) and phrases cut from the passages, of 2 to 12 words, stop words included. */
export async function lexicalTask(count: number): Promise<LexicalTask> {
  const random = randomFrom(count)
  const phrases: string[] = []
  let passage = 0
  const step = Math.floor(count / QUERIES_OF_A_KIND)
  for await (const text of passageLines(count)) {
    if (passage++ % step === 0) phrases.push(cut(text.split(' '), random))
  }
  const questions = (await readQuestions()).map((text) => text.split(/\s+/).slice(0, 12).join(' '))
  const mixed = phrases.flatMap((phrase, i) => [phrase, questions[i] ?? phrase])
  const queries = mixed.filter((text) => analyzer.terms(text).length > 0)
  return { count, queries }
}

/** The passages, each as the terms that our analyzer makes of it, so that all contenders index the same. */
export async function analysedPassages(count: number): Promise<readonly string[]> {
  const source = await passagesFile(count)
  const path = await cached(`analysed-${source.digest}-${count}.txt`, async (file) => {
    await pipeline(async function* () {
      for await (const text of passageLines(count)) yield `${analysed(text)}\n`
    }, createWriteStream(file))
  })
  // A million passages are longer than the longest string.
  const texts: string[] = []
  for await (const text of createInterface({ input: createReadStream(path, 'utf8') }))
    texts.push(text)
  return texts
}

export function analysed(text: string): string {
  return analyzer.terms(text).join(' ')
}

function cut(words: readonly string[], random: () => number): string {
  const length = 2 + Math.floor(random() * 11)
  const from = Math.floor(random() * Math.max(1, words.length - length))
  return words.slice(from, from + length).join(' ')
}

async function readQuestions(): Promise<string[]> {
  const path = join(DATASETS, 'squad-train', 'queries.jsonl')
  if (!(await exists(path))) return []
  const lines = (await readFile(path, 'utf8')).split('\n').filter((line) => line !== '')
  const step = Math.floor(lines.length / QUERIES_OF_A_KIND)
  return lines
    .filter((_, i) => i % step === 0)
    .slice(0, QUERIES_OF_A_KIND)
    .map((line) => (JSON.parse(line) as { text: string }).text)
}
