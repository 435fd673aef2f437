import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openLocalEngine } from '../../adapters/stores/local/open-local-engine.ts'
import type { Embedder } from '../../src/core/embedder.ts'
import type { LexicalStatistics } from '../../src/core/lexical-index.ts'
import type {
  Candidate,
  ChunkId,
  CollectionId,
  DocumentId,
  IndexId,
  Scope,
  TenantId,
} from '../../src/core/model.ts'
import type { IndexedChunk } from '../../src/core/vector-store.ts'
import type { FittedSet, SetDocument, SetQuery } from './sets.ts'
import { readDocuments, readQueries, readUnanswerable } from './sets.ts'

/** What both legs answered to one query, and what the tenant's statistics say of its terms. */
export interface Legs {
  readonly query: string
  readonly relevant: readonly (readonly [id: string, grade: number])[]
  readonly dense: readonly Candidate[]
  readonly lexical: readonly Candidate[]
  readonly frequencies: readonly (readonly [term: string, frequency: number])[]
}

export interface Collected {
  readonly chunkCount: number
  readonly answered: readonly Legs[]
  readonly unanswerable: readonly Legs[]
}

/** As collections have them by default. */
const BM25 = { k1: 1.2, b: 0.6 }
export const CANDIDATES = 100
const BATCH = 500
const never = new AbortController().signal
const scope: Scope = {
  tenant: 'fit' as TenantId,
  collection: 'fit' as CollectionId,
  index: 'fit' as IndexId,
}

/** Each document of a set as one chunk, searched by both legs of a local engine; kept in a file for the next time. */
export async function collect(
  set: FittedSet,
  folder: string,
  embedder: Embedder,
  cache: string,
): Promise<Collected> {
  const { model, revision } = embedder.profile
  const file = join(
    cache,
    `${set.name}-${model}-${revision}-${BM25.k1}-${BM25.b}-${set.foreign ?? 'own'}-${set.queriesMax}.json`,
  )
  const known = await readFile(file, 'utf8').catch(() => null)
  if (known !== null) return JSON.parse(known) as Collected
  const documents = await readDocuments(folder)
  const data = await mkdtemp(join(tmpdir(), 'quarry-fit-'))
  const engine = await openLocalEngine({ folder: data })
  try {
    const { dimensions } = embedder.profile
    const dense = { dimensions, metric: 'cosine', algorithm: { kind: 'flat' } } as const
    const lexical = { analyzer: set.analyzer, ...BM25 }
    await engine.createIndex(scope, { dense, lexical }, never)
    for (let from = 0; from < documents.length; from += BATCH) {
      const batch = documents.slice(from, from + BATCH)
      const texts = batch.map(({ title, text }) => (title === '' ? text : `${title}\n\n${text}`))
      const call = { tenant: scope.tenant, signal: never }
      const { vectors } = await embedder.embedPassages(
        texts.map((text) => text || '-'),
        call,
      )
      const chunks = batch.map((document, i) => chunkOf(document, vectors[i] ?? null))
      await engine.upsert(scope, chunks, never)
    }
    const search = searcher(engine, embedder, await engine.statistics(scope, never))
    const collected = {
      chunkCount: documents.length,
      answered: await inTurn(await readQueries(folder, set.queriesMax), search),
      unanswerable: await inTurn(await readUnanswerable(set, folder, set.queriesMax), search),
    }
    await writeFile(file, JSON.stringify(collected))
    return collected
  } finally {
    await engine.close()
    await rm(data, { recursive: true, force: true })
  }
}

function searcher(
  engine: Awaited<ReturnType<typeof openLocalEngine>>,
  embedder: Embedder,
  statistics: LexicalStatistics,
): (query: SetQuery) => Promise<Legs> {
  return async ({ text, relevant }) => {
    const call = { tenant: scope.tenant, signal: never, statistics }
    const { vectors } = await embedder.embedQuery(text, call)
    const vector = vectors[0] as Float32Array
    const dense = await engine.searchDense(scope, { vector, k: CANDIDATES }, never)
    const lexical = await engine.searchLexical(scope, { text, k: CANDIDATES }, never)
    const terms = [...new Set(statistics.analyze(text))]
    return {
      query: text,
      relevant: [...relevant],
      dense: dense.candidates,
      lexical: lexical.candidates,
      frequencies: terms.map((term) => [term, statistics.documentFrequency(term)] as const),
    }
  }
}

async function inTurn<T, Result>(
  items: readonly T[],
  work: (item: T) => Promise<Result>,
): Promise<Result[]> {
  const results: Result[] = []
  for (const item of items) results.push(await work(item))
  return results
}

function chunkOf({ id, title, text }: SetDocument, vector: Float32Array | null): IndexedChunk {
  return {
    id: id as ChunkId,
    documentId: id as unknown as DocumentId,
    revision: 1,
    ordinal: 0,
    span: { start: 0, end: text.length },
    text,
    context: title,
    title: title === '' ? null : title,
    headings: [],
    page: null,
    metadata: {},
    vector,
  }
}
