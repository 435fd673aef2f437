import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { AnalyzerName } from '../../src/core/vector-store.ts'

/** A set of judged queries, how its text is analysed, and how many of its queries are looked at. */
export interface FittedSet {
  readonly name: string
  /** Sets of one family share passages or the way questions were written: they are left out together. */
  readonly family: string
  readonly analyzer: AnalyzerName
  readonly queriesMax: number
  /** A set whose queries have no answer here, being about other things. */
  readonly foreign?: string
}

const ALL = 100_000

export const SETS: readonly FittedSet[] = [
  {
    name: 'scifact',
    foreign: 'squad-dev',
    family: 'scifact',
    analyzer: 'english',
    queriesMax: ALL,
  },
  {
    name: 'squad-dev',
    foreign: 'medquad-faq',
    family: 'squad',
    analyzer: 'english',
    queriesMax: 1_500,
  },
  {
    name: 'medquad-faq',
    foreign: 'scifact',
    family: 'medquad',
    analyzer: 'english',
    queriesMax: 1_500,
  },
  {
    name: 'anthropic-codebase',
    foreign: 'scifact',
    family: 'codebase',
    analyzer: 'code',
    queriesMax: ALL,
  },
  { name: 'cosqa', foreign: 'squad-dev', family: 'cosqa', analyzer: 'code', queriesMax: ALL },
  { name: 'xquad-en', foreign: 'scifact', family: 'squad', analyzer: 'english', queriesMax: ALL },
  ...['de', 'zh', 'hi', 'th', 'ar'].map((language) => ({
    name: `xquad-${language}`,
    family: 'squad',
    analyzer: 'unicode' as const,
    queriesMax: ALL,
  })),
]

export interface SetDocument {
  readonly id: string
  readonly title: string
  readonly text: string
}

export interface SetQuery {
  readonly text: string
  /** Grades above 0 by document; empty for a question that the set does not answer. */
  readonly relevant: ReadonlyMap<string, number>
}

export async function readDocuments(folder: string): Promise<readonly SetDocument[]> {
  const lines = await readLines(join(folder, 'corpus.jsonl'))
  return lines.map((line) => {
    const { _id, title, text } = JSON.parse(line) as { _id: string; title?: string; text: string }
    return { id: _id, title: title ?? '', text }
  })
}

/** Judged queries, evenly taken from the whole file. */
export async function readQueries(folder: string, max: number): Promise<readonly SetQuery[]> {
  const grades = new Map<string, Map<string, number>>()
  for (const line of (await readLines(join(folder, 'qrels', 'test.tsv'))).slice(1)) {
    const [query = '', document = '', grade = '0'] = line.split('\t')
    if (Number(grade) <= 0) continue
    grades.set(query, (grades.get(query) ?? new Map()).set(document, Number(grade)))
  }
  const queries = (await readTexts(join(folder, 'queries.jsonl'))).flatMap(({ id, text }) => {
    const relevant = grades.get(id)
    return relevant === undefined ? [] : [{ text, relevant }]
  })
  return evenly(queries, max)
}

/** Questions that have no answer in the set: about other things, or written to look as if they had one. */
export async function readUnanswerable(
  { foreign }: FittedSet,
  folder: string,
  max: number,
): Promise<readonly SetQuery[]> {
  const lookalikes = await readTexts(join(folder, 'queries.unanswerable.jsonl')).catch(() => [])
  const others =
    foreign === undefined ? [] : await readTexts(join(folder, '..', foreign, 'queries.jsonl'))
  return [...withoutAnswer(others, max / 2), ...withoutAnswer(lookalikes, max / 2)]
}

function withoutAnswer(
  texts: readonly { readonly text: string }[],
  max: number,
): readonly SetQuery[] {
  return evenly(
    texts.map(({ text }) => ({ text, relevant: new Map<string, number>() })),
    max,
  )
}

async function readTexts(path: string): Promise<{ id: string; text: string }[]> {
  return (await readLines(path)).map((line) => {
    const { _id, text } = JSON.parse(line) as { _id: string; text: string }
    return { id: _id, text }
  })
}

async function readLines(path: string): Promise<string[]> {
  return (await readFile(path, 'utf8')).split('\n').filter((line) => line !== '')
}

function evenly<T>(items: readonly T[], max: number): readonly T[] {
  if (items.length <= max) return items
  return Array.from({ length: max }, (_, i) => items[Math.floor((i * items.length) / max)] as T)
}
