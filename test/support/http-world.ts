import type { Hono } from 'hono'
import { pino } from 'pino'
import type { KeyScope } from '../../src/catalog/catalog.ts'
import type { Database } from '../../src/catalog/database.ts'
import { collectionPolicySchema } from '../../src/catalog/policy.ts'
import { QuarryError } from '../../src/core/errors.ts'
import { DEFAULT_LIMITS } from '../../src/core/limits.ts'
import type { ChunkId, CollectionId, DocumentId, IndexId, TenantId } from '../../src/core/model.ts'
import { type EvalDesk, openEvalDesk } from '../../src/evals/eval-desk.ts'
import { createTraffic } from '../../src/evals/traffic.ts'
import { createApp } from '../../src/http/app.ts'
import type { HttpDeps, HttpSettings } from '../../src/http/deps.ts'
import { createRecentRetrievals } from '../../src/http/recent-retrievals.ts'
import { openMetrics } from '../../src/observe/open-metrics.ts'
import { openUsageLedger } from '../../src/observe/open-usage-ledger.ts'
import type { RetrieveRequest, RetrieveResponse } from '../../src/retrieve/request.ts'
import { createTestCollection, createWorld, type World } from './ingest-world.ts'

/** The HTTP surface over a real catalog; ingestion runs when a test waits or asks for it, retrieval is canned. */
export interface HttpWorld {
  readonly app: Hono
  readonly deps: HttpDeps
  readonly evals: EvalDesk
  readonly world: World
  /** The lines of the log, parsed. */
  readonly lines: Record<string, unknown>[]
  readonly retrievals: RetrieveRequest[]
  retrieve: HttpDeps['retrieve']
  newKey(scopes: readonly KeyScope[], tenant?: string | null): Promise<string>
  /** A request as the admin for the tenant `acme`, unless the headers say otherwise. */
  call(method: string, path: string, body?: unknown, headers?: Headers): Promise<Reply>
}

type Headers = Readonly<Record<string, string | null>>

export interface Reply {
  readonly status: number
  readonly headers: globalThis.Headers
  readonly text: string
  // biome-ignore lint/suspicious/noExplicitAny: each test asserts the part of an answer that it reads
  readonly json: any
}

export const settings: HttpSettings = {
  ...DEFAULT_LIMITS,
  waitIndexedMs: 2_000,
  insecureNoAuth: false,
}

export async function createHttpWorld(
  database: Database,
  changes: Partial<HttpSettings> = {},
): Promise<HttpWorld> {
  const world = createWorld(database, { ...settings, ...changes })
  const { catalog } = world
  await createTestCollection(catalog, 'docs' as CollectionId)
  const lines: Record<string, unknown>[] = []
  const log = pino({ level: 'info' }, { write: (line) => void lines.push(JSON.parse(line)) })
  const retrievals: RetrieveRequest[] = []
  const usage = openUsageLedger(catalog.usage, 60_000)
  const traffic = createTraffic()
  const evals = openEvalDesk({
    catalog,
    retrieve: (request) => self.retrieve(request),
    traffic,
    usage,
    processId: 'test',
    version: '0.0.0',
    limits: { ...settings, ...changes },
    log,
  })
  const deps: HttpDeps = {
    catalog,
    retrieve: traffic.counted(async (request) => {
      retrievals.push(request)
      return self.retrieve(request)
    }),
    evals,
    createCollection: async (id, policy) => {
      const before = await catalog.collections.get(id)
      if (before !== null) return { collection: before, created: false }
      await createTestCollection(catalog, id)
      const parsed = collectionPolicySchema.parse({ embedder: 'test', ...(policy as object) })
      return { collection: await catalog.collections.updatePolicy(id, parsed), created: true }
    },
    updateCollection: async (id, change) => {
      const before = await catalog.collections.get(id)
      if (before === null) throw new QuarryError('not_found', `no collection ${id}`)
      return catalog.collections.updatePolicy(id, { ...before.policy, ...change })
    },
    notifyWrite: () => {},
    waitIndexed: async (tenant, collection, version, signal) => {
      while (!signal.aborted) {
        await world.ingest(signal)
        const { settled } = await catalog.feed.settled(tenant, collection, version)
        if (settled) return true
      }
      return false
    },
    readiness: async () => ({ ready: true, reasons: [] }),
    recent: createRecentRetrievals(settings.recalledBytes),
    log,
    metrics: openMetrics(),
    usage,
    settings: { ...settings, ...changes },
  }
  const app = createApp(deps)
  const newKey = async (scopes: readonly KeyScope[], tenant: string | null = null) => {
    const made = await catalog.keys.create({ name: 'test', scopes, tenant: tenant as TenantId })
    return made.secret
  }
  const admin = await newKey(['admin'])
  const self: HttpWorld = {
    app,
    deps,
    evals,
    world,
    lines,
    retrievals,
    retrieve: async () => cannedResponse(),
    newKey,
    call: (method, path, body, headers = {}) =>
      callApp(app, method, path, body, {
        authorization: `Bearer ${admin}`,
        'x-tenant-id': 'acme',
        ...headers,
      }),
  }
  return self
}

async function callApp(
  app: Pick<Hono, 'request'>,
  method: string,
  path: string,
  body?: unknown,
  headers: Headers = {},
): Promise<Reply> {
  const raw = typeof body === 'string' || body instanceof Uint8Array || body instanceof FormData
  const given = {
    ...(body === undefined || raw ? {} : { 'content-type': 'application/json' }),
    ...headers,
  }
  const response = await app.request(path, {
    method,
    headers: Object.fromEntries(
      Object.entries(given).filter((entry): entry is [string, string] => entry[1] !== null),
    ),
    ...(body === undefined
      ? {}
      : {
          body: raw ? (body as string | Uint8Array<ArrayBuffer> | FormData) : JSON.stringify(body),
        }),
  })
  const text = await response.text()
  const isJson = /[/+]json/.test(response.headers.get('content-type') ?? '')
  return {
    status: response.status,
    headers: response.headers,
    text,
    json: isJson && text !== '' ? JSON.parse(text) : null,
  }
}

export function cannedResponse(changes: Partial<RetrieveResponse> = {}): RetrieveResponse {
  const chunk = {
    id: 'c1' as ChunkId,
    documentId: 'a' as DocumentId,
    title: 'Title',
    headings: ['One', 'Two'],
    page: null,
    ordinal: 1,
    span: { start: 5, end: 9 },
    text: 'text',
    metadata: { someKey: 'kept', nested_tags: ['x', 'y'] },
  }
  return {
    retrievalId: 'r1',
    hits: [
      {
        ...chunk,
        score: 0.0325,
        relevance: 0.81,
        before: [{ ...chunk, id: 'c0' as ChunkId, ordinal: 0, revision: 1, context: '' }],
        after: [],
        explain: {
          dense: { rank: 1, score: 0.83, contribution: 0.0164 },
          lexical: null,
          rewrite: null,
          rerank: { rank: 1, score: 0.81 },
        },
      },
    ],
    degraded: [],
    underFilled: null,
    index: { id: 'docs-1' as IndexId, space: 'test/hash@1:8' },
    timingsMs: { embed: 21.4, dense: 2.123, total: 27 },
    usage: {
      embedTokens: 7,
      rerankDocuments: 3,
      generated: { input: 90, cached: 40, output: 12 },
      cache: 'miss',
      queryVectorCache: 'hit',
    },
    prompt: null,
    ...changes,
  }
}
