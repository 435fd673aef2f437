import { createHash } from 'node:crypto'
import type { Catalog, Index, UsageRecord } from '../../src/catalog/catalog.ts'
import type { Database } from '../../src/catalog/database.ts'
import { openCatalog } from '../../src/catalog/open-catalog.ts'
import { collectionPolicySchema } from '../../src/catalog/policy.ts'
import type { Embedder } from '../../src/core/embedder.ts'
import { QuarryError } from '../../src/core/errors.ts'
import { DEFAULT_LIMITS, type Limits } from '../../src/core/limits.ts'
import type { CollectionId, DocumentId, TenantId } from '../../src/core/model.ts'
import type { MediaType } from '../../src/ingest/document.ts'
import { type IngestDeps, ingestBatch, type Outcome } from '../../src/ingest/ingest.ts'
import type { Parser } from '../../src/ingest/parse/parse-document.ts'

const DIMENSIONS = 8

/** A model server that is not there: vectors from hashes, and faults on demand. */
export interface TestEmbedder extends Embedder {
  /** Every text that was embedded, in order. */
  readonly texts: string[]
  calls: number
  /** Called before each answer; what it throws, the call throws. */
  before: (texts: readonly string[], signal: AbortSignal) => void | Promise<void>
  /** Called on each vector, to spoil it. */
  spoil: (vector: Float32Array, text: string) => Float32Array
}

export function createTestEmbedder(): TestEmbedder {
  const self: TestEmbedder = {
    texts: [],
    calls: 0,
    before: () => {},
    spoil: (vector) => vector,
    profile: {
      provider: 'test',
      model: 'hash',
      revision: '1',
      dimensions: DIMENSIONS,
      normalized: false,
      queryPrefix: '',
      passagePrefix: '',
      inputTokensMax: 8_192,
      queryUsesStatistics: false,
      suggestedDenseWeight: 1,
    },
    async embedPassages(texts, { signal }) {
      self.calls += 1
      await self.before(texts, signal)
      self.texts.push(...texts)
      const vectors = texts.map((text) => self.spoil(hashVector(text), text))
      return { vectors, tokens: texts.length }
    },
    async embedQuery(text) {
      return { vectors: [hashVector(text)], tokens: 1 }
    },
    async checkHealth() {},
    async close() {},
  }
  return self
}

function hashVector(text: string): Float32Array {
  const digest = createHash('sha256').update(text).digest()
  return Float32Array.from({ length: DIMENSIONS }, (_, at) => (digest[at] ?? 0) / 255 + 0.01)
}

/** One chunk a paragraph, the title as its context; «unreadable» cannot be parsed. */
const paragraphParser: Pick<Parser, 'parse'> = {
  async parse({ content, title }) {
    const text = new TextDecoder().decode(content)
    if (text === 'unreadable') throw new QuarryError('unsupported', 'The document is unreadable.')
    let start = 0
    const chunks = text
      .split('\n\n')
      .map((paragraph) => {
        const span = { start, end: start + paragraph.length }
        start = span.end + 2
        return { span, text: paragraph }
      })
      .filter((chunk) => chunk.text !== '')
    return {
      title: null,
      metadata: {},
      textLength: text.length,
      chunks: chunks.map((chunk, ordinal) => ({
        ...chunk,
        ordinal,
        context: title ?? '',
        headings: [],
        page: null,
        tokens: 1,
      })),
    }
  },
}

export interface World {
  /** Of this world alone, so that many can share a database. */
  readonly tenant: TenantId
  readonly collection: CollectionId
  readonly catalog: Catalog
  readonly embedder: TestEmbedder
  readonly deps: IngestDeps
  readonly usage: UsageRecord[]
  put(texts: Readonly<Record<string, string>>, options?: PutOptions): Promise<Put>
  /** Claims and ingests once, as a worker would, without settling failures. */
  ingest(signal?: AbortSignal): Promise<readonly Outcome[]>
  chunks(): Promise<readonly string[]>
}

type Put = Awaited<ReturnType<Catalog['documents']['put']>>

export interface PutOptions {
  readonly tenant?: TenantId
  readonly collection?: CollectionId
  readonly title?: string
}

let worlds = 0

export function createWorld(database: Database, limits: Limits = DEFAULT_LIMITS): World {
  worlds += 1
  const home = { tenant: `t${worlds}` as TenantId, collection: `c${worlds}` as CollectionId }
  const catalog = openCatalog(database, limits)
  const embedder = createTestEmbedder()
  const usage: UsageRecord[] = []
  const deps: IngestDeps = {
    catalog,
    parser: paragraphParser,
    embedderFor: () => embedder,
    chunkingOf: ({ policy }) => ({ chunker: policy.chunker, enrichment: null }),
    usage: { record: (record) => void usage.push(record) },
    metrics: { ingested: () => {} },
    limits: {
      parseConcurrency: 2,
      jobWaveChunks: 2_000,
      upstreamMs: 5_000,
      embedBatchItems: 64,
      enrichmentConcurrency: 4,
      jobAttempts: 5,
    },
  }
  return {
    ...home,
    catalog,
    embedder,
    deps,
    usage,
    put: (texts, { tenant = home.tenant, collection = home.collection, title } = {}) =>
      catalog.documents.put(
        tenant,
        collection,
        Object.entries(texts).map(([id, text]) => ({
          id: id as DocumentId,
          content: new TextEncoder().encode(text),
          mediaType: 'text/plain' as MediaType,
          title: title ?? null,
          source: null,
          metadata: {},
        })),
      ),
    async ingest(signal = new AbortController().signal) {
      const outcomes: Outcome[] = []
      for (const delivery of await catalog.work.claim(10, 64, 60_000)) {
        const items = await catalog.work.load(delivery.items)
        outcomes.push(...(await ingestBatch(items, deps, signal)))
      }
      return outcomes
    },
    async chunks() {
      const found = await catalog.collections.get(home.collection)
      if (found === null) throw new Error(`no collection ${home.collection}`)
      const { id, chunking } = found.serving.space
      const rows = await catalog.feed.scan(home.collection, chunking, id, null, 500)
      return rows.map((row) => `${row.documentId}#${row.ordinal} ${row.text}`).sort()
    },
  }
}

export async function createTestCollection(
  catalog: Catalog,
  id: CollectionId,
  store = 'local',
): Promise<Index> {
  const { collection } = await catalog.collections.create({
    id,
    policy: collectionPolicySchema.parse({ embedder: 'test', store }),
    space: {
      name: `test/hash@1:${DIMENSIONS}`,
      embedder: 'test',
      dimensions: DIMENSIONS,
      chunking: 'paragraphs-1',
      identity: { provider: 'test', model: 'hash', chunking: 'paragraphs-1' },
    },
    store,
    spec: {
      dense: { dimensions: DIMENSIONS, metric: 'cosine', algorithm: { kind: 'flat' } },
      lexical: { analyzer: 'english', k1: 0.9, b: 0.4 },
    },
  })
  return collection.serving
}
