import { afterAll, beforeAll, expect, test } from 'vitest'
import { openHashed } from '../../adapters/embedders/hashed.ts'
import { openLocalEngine } from '../../adapters/stores/local/open-local-engine.ts'
import type { Catalog, Index, NewDocument } from '../../src/catalog/catalog.ts'
import type { Database } from '../../src/catalog/database.ts'
import { newCollection } from '../../src/catalog/new-collection.ts'
import { openCatalog } from '../../src/catalog/open-catalog.ts'
import { collectionPolicySchema } from '../../src/catalog/policy.ts'
import { DEFAULT_LIMITS } from '../../src/core/limits.ts'
import type { CollectionId, DocumentId, TenantId } from '../../src/core/model.ts'
import { type Replica, startReplica } from '../../src/ingest/apply/replica.ts'
import { waitVersion } from '../../src/ingest/apply/wait-version.ts'
import { chunkerFingerprint } from '../../src/ingest/chunk/chunk-document.ts'
import type { MediaType } from '../../src/ingest/document.ts'
import { openParser, type Parser } from '../../src/ingest/parse/parse-document.ts'
import { openQueue } from '../../src/jobs/open-queue.ts'
import { type Relay, startRelay } from '../../src/jobs/relay.ts'
import { startWorker } from '../../src/jobs/worker.ts'
import { createLog } from '../../src/observe/log.ts'
import { openTestDatabase } from '../support/database.ts'

const tenant = 'acme' as TenantId
const collection = 'docs' as CollectionId
const log = createLog({ level: 'silent' })
const embedder = openHashed()
const engine = await openLocalEngine()
const closers: (() => unknown)[] = []
let database: Database
let catalog: Catalog
let parser: Parser
let relay: Relay
let replica: Replica
let index: Index

beforeAll(async () => {
  database = await openTestDatabase()
  catalog = openCatalog(database, DEFAULT_LIMITS)
  const policy = collectionPolicySchema.parse({ embedder: 'hashed' })
  const made = await catalog.collections.create(
    newCollection(collection, policy, {
      profile: embedder.profile,
      chunking: chunkerFingerprint(policy.chunker),
      capabilities: engine.capabilities,
    }),
  )
  index = made.collection.serving
  const listen = (channel: string, onNotice: () => void) => database.listen(channel, onNotice)
  const queue = await openQueue({
    backend: { kind: 'postgres', pool: database.pool },
    log,
    limits: DEFAULT_LIMITS,
  })
  const limits = { jobItems: 64, jobWaiting: 32, jobPollMs: 1_000, jobLockMs: 30_000 }
  relay = await startRelay({ work: catalog.work, queue, listen, log, limits })
  parser = openParser({ ...DEFAULT_LIMITS, parseChildren: 1 })
  const worker = await startWorker({
    catalog,
    parser,
    embedderFor: () => embedder,
    chunkingOf: () => ({ chunker: policy.chunker, enrichment: null }),
    usage: { record: () => {} },
    metrics: { ingested: () => {} },
    queue,
    onDelivered: relay.notifyWrite,
    log,
    limits: {
      parseConcurrency: 1,
      jobWaveChunks: 2_000,
      upstreamMs: 30_000,
      embedBatchItems: 64,
      enrichmentConcurrency: 4,
      jobConcurrency: 2,
      jobLockMs: 30_000,
      jobAttempts: 5,
      jobBackoffMs: 100,
    },
  })
  replica = await startReplica({
    catalog,
    engine,
    localStore: 'local',
    listen,
    log,
    metrics: { replicaLag: () => {} },
    limits: { feedBatch: 500, feedPollMs: 250 },
  })
  closers.push(
    () => replica.close(),
    () => worker.close({ drainMs: 1_000 }),
    () => relay.close(),
    () => queue.close(),
    () => parser.close(),
    () => engine.close(),
    () => database.close(),
  )
  await replica.ready
})
afterAll(async () => {
  for (const close of closers) await close()
})

const markdown = (id: string, text: string): NewDocument => ({
  id: id as DocumentId,
  content: new TextEncoder().encode(text),
  mediaType: 'text/markdown' as MediaType,
  title: null,
  source: null,
  metadata: { lang: 'en' },
})

const searchable = (version: bigint | undefined): Promise<boolean> => {
  const deps = { catalog, replica, isShared: () => false }
  return waitVersion(tenant, collection, version ?? 0n, deps, AbortSignal.timeout(25_000))
}

async function found(text: string): Promise<string[]> {
  const scope = { tenant, collection, index: index.index }
  const signal = AbortSignal.timeout(5_000)
  const { candidates } = await engine.searchLexical(scope, { text, k: 5 }, signal)
  const chunks = await engine.readChunks(
    scope,
    candidates.map(({ id }) => id),
    signal,
  )
  return [...chunks.values()].map(({ documentId }) => documentId)
}

test('a document is searchable by words and by vector once its version is there, and gone once deleted', async () => {
  const put = await catalog.documents.put(tenant, collection, [
    markdown('bridges', '# Bridges\n\nA suspension bridge hangs from cables.\n'),
    markdown('ovens', '# Ovens\n\nBread is baked in an oven.\n'),
  ])
  relay.notifyWrite()
  expect(await searchable(put.receipts.at(-1)?.version)).toBe(true)
  expect(await found('suspension cables')).toEqual(['bridges'])
  const scope = { tenant, collection, index: index.index }
  const signal = AbortSignal.timeout(5_000)
  const statistics = await engine.statistics(scope, signal)
  const embedded = await embedder.embedQuery('baked bread', { tenant, signal, statistics })
  const vector = embedded.vectors[0] ?? new Float32Array(0)
  const { candidates } = await engine.searchDense(scope, { vector, k: 1 }, signal)
  const best = await engine.readChunks(
    scope,
    candidates.map(({ id }) => id),
    signal,
  )
  expect([...best.values()].map(({ documentId }) => documentId)).toEqual(['ovens'])
  const removed = await catalog.documents.remove(tenant, collection, 'bridges' as DocumentId)
  expect(await searchable(removed.version)).toBe(true)
  expect(await found('suspension cables')).toEqual([])
})

test('a large document does not hold the event loop while it becomes searchable', async () => {
  const words = Array.from({ length: 60_000 }, (_, i) => `word${i % 5_000}${i % 12 ? '' : '.\n\n'}`)
  const { receipts } = await catalog.documents.put(tenant, collection, [
    markdown('large', `# Large\n\n${words.join(' ')}`),
  ])
  const gaps: number[] = []
  let last = performance.now()
  const ticking = setInterval(() => {
    const now = performance.now()
    gaps.push(now - last - 5)
    last = now
  }, 5)
  expect(await searchable(receipts[0]?.version)).toBe(true)
  clearInterval(ticking)
  const { chunkCount } =
    (await catalog.documents.get(tenant, collection, 'large' as DocumentId)) ?? {}
  expect(chunkCount).toBeGreaterThan(300)
  expect(Math.max(...gaps)).toBeLessThan(1_000)
  if (process.env['QUARRY_PRINT'] !== undefined) {
    gaps.sort((a, b) => b - a)
    process.stdout.write(
      `chunks ${chunkCount}, largest gaps ${gaps.slice(0, 8).map(Math.round)} ms\n`,
    )
  }
}, 60_000)
