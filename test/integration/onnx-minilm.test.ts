import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { openOnnxEmbedder } from '../../adapters/embedders/onnx.ts'
import type { Embedder } from '../../src/core/embedder.ts'
import type { TenantId } from '../../src/core/model.ts'

/** A folder that tools/export-onnx has written. */
const MODEL = process.env['QUARRY_TEST_MINILM']
/** SciFact in BEIR's layout; embedding it takes many minutes. */
const SCIFACT = process.env['QUARRY_TEST_SCIFACT']

const call = { tenant: 'acme' as TenantId, signal: new AbortController().signal }

test.runIf(MODEL !== undefined)('all-MiniLM-L6-v2 answers as the reference does', async () => {
  const { texts } = await readJson<{ texts: { text: string; vector: number[] }[] }>('expected.json')
  expect(texts.length).toBeGreaterThanOrEqual(50)
  const embedder = await openOnnxEmbedder({ folder: MODEL ?? '' })
  const passages = texts.map(({ text }) => text)
  const { vectors } = await embedder.embedPassages(passages, call).finally(embedder.close)
  expect(embedder.profile).toMatchObject({ dimensions: 384, inputTokensMax: 256, normalized: true })
  texts.forEach(({ vector }, i) => {
    const worst = Math.max(...vector.map((value, at) => Math.abs(value - (vectors[i]?.[at] ?? 9))))
    expect(worst).toBeLessThan(1e-3)
  })
})

test.runIf(MODEL !== undefined && SCIFACT !== undefined)(
  'all-MiniLM-L6-v2 finds in SciFact what is published: nDCG@10 0.645',
  async () => {
    const embedder = await openOnnxEmbedder({ folder: MODEL ?? '' })
    try {
      const found = await scifact(embedder)
      process.stdout.write(`SciFact nDCG@10 ${found.toFixed(4)}\n`)
      expect(Math.abs(found - 0.645)).toBeLessThan(0.005)
    } finally {
      await embedder.close()
    }
  },
  4 * 3_600_000,
)

async function readJson<T>(name: string): Promise<T> {
  return JSON.parse(await readFile(join(MODEL ?? '', name), 'utf8'))
}

interface Entry {
  readonly _id: string
  readonly title?: string
  readonly text: string
}

async function lines(name: string): Promise<string[]> {
  return (await readFile(join(SCIFACT ?? '', name), 'utf8')).trim().split('\n')
}

async function scifact(embedder: Embedder): Promise<number> {
  const documents = (await lines('corpus.jsonl')).map((line): Entry => JSON.parse(line))
  const texts = documents.map(({ title = '', text }) => `${title} ${text}`.trim())
  const judged = new Map<string, Set<string>>()
  for (const line of (await lines('qrels/test.tsv')).slice(1)) {
    const [query = '', document = '', grade] = line.split('\t')
    if (Number(grade) > 0) judged.set(query, (judged.get(query) ?? new Set()).add(document))
  }
  const { vectors } = await embedder.embedPassages(texts, call)
  const rows = vectors.map((vector, at) => ({ id: documents[at]?._id ?? '', vector }))
  let sum = 0
  for (const line of await lines('queries.jsonl')) {
    const { _id, text }: Entry = JSON.parse(line)
    const relevant = judged.get(_id)
    if (relevant === undefined) continue
    const [query] = (await embedder.embedQuery(text, { ...call, statistics: null })).vectors
    sum += ndcg(topOf(rows, query ?? new Float32Array(0)), relevant)
  }
  return sum / judged.size
}

function topOf(
  rows: readonly { readonly id: string; readonly vector: Float32Array }[],
  query: Float32Array,
): string[] {
  const scored = rows.map(({ id, vector }) => ({
    id,
    score: vector.reduce((dot, value, at) => dot + value * (query[at] ?? 0), 0),
  }))
  scored.sort((a, b) => b.score - a.score)
  return scored.slice(0, 10).map(({ id }) => id)
}

/** SciFact's grades are 0 and 1. */
function ndcg(top: readonly string[], relevant: ReadonlySet<string>): number {
  const gain = (places: readonly number[]): number =>
    places.reduce((sum, place) => sum + 1 / Math.log2(place + 2), 0)
  const found = top.flatMap((id, place) => (relevant.has(id) ? [place] : []))
  return gain(found) / gain(Array.from({ length: Math.min(10, relevant.size) }, (_, i) => i))
}
