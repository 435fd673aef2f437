import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { loadConfig } from '../../src/config/load.ts'
import { createLog } from '../../src/observe/log.ts'
import { diagnose } from '../../src/service/diagnose.ts'
import { adapterSchemas, openService, type Service } from '../../src/service.ts'
import { chunkOf, type ModelServer, startModelServer } from '../support/model-server.ts'

const log = createLog({ level: 'silent' })
let folder: string
let models: ModelServer
let service: Service

const configured = () =>
  loadConfig(adapterSchemas, {
    flags: {
      data_dir: folder,
      insecure_no_auth: true,
      generators: {
        writer: { adapter: 'openai-compatible', base_url: `${models.url}/v1`, model: 'writer' },
      },
    },
  })

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'quarry-query-side-'))
  models = await startModelServer()
  service = await openService(await configured(), { roles: { worker: true, replica: true }, log })
  await service.ready
}, 60_000)
afterAll(async () => {
  await service?.close(1_000)
  await models?.close()
  await rm(folder, { recursive: true, force: true })
})
beforeEach(() => {
  models.chats.length = 0
})

interface Reply {
  readonly status: number
  // biome-ignore lint/suspicious/noExplicitAny: each test asserts the part of an answer that it reads
  readonly json: any
}

async function call(method: string, path: string, body?: unknown): Promise<Reply> {
  const response = await service.app.request(`http://127.0.0.1${path}`, {
    method,
    headers: { 'content-type': 'application/json', 'x-tenant-id': 'acme', host: '127.0.0.1' },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  })
  return { status: response.status, json: await response.json() }
}

const put = (collection: string, id: string, text: string) =>
  call('PUT', `/v1/collections/${collection}/documents/${id}?wait=indexed&wait_ms=30000`, { text })

test('a chunk is found by what a generator wrote for it, and shown without', async () => {
  models.chat(() => 'From the annual report of Zephyrine Ltd for 2023.')
  const enrichment = { generator: 'writer', tokens_max: 60 }
  const made = await call('PUT', '/v1/collections/reports', { policy: { enrichment } })
  expect(made.json.policy.enrichment).toMatchObject({ ...enrichment, on_failure: 'fail' })
  const text = 'Revenue grew by three percent over the quarter before.'
  expect((await put('reports', 'r1', text)).status).toBe(201)
  expect(models.chats.map(chunkOf)).toEqual([text])
  const found = await call('POST', '/v1/retrieve', {
    collection: 'reports',
    query: 'Zephyrine',
    mode: 'lexical',
  })
  expect(found.json.hits.map((hit: { text: string }) => hit.text)).toEqual([text])
  const document = await call('GET', '/v1/collections/reports/documents/r1')
  expect(document.json).toMatchObject({ state: 'indexed', chunks: 1, chunks_without_context: 0 })
  const { usage } = (await call('GET', '/v1/usage')).json
  expect(usage.find((row: { route: string }) => row.route === 'ingest')).toMatchObject({
    generate_input_tokens: 100,
    generate_cached_tokens: 80,
    generate_output_tokens: 10,
  })
})

test('a query is reworded where the request or the policy asks for it, and the usage says so', async () => {
  await call('PUT', '/v1/collections/harbour', {})
  await put('harbour', 'a', 'The red lantern means that no vessel may leave.')
  await put('harbour', 'b', 'Nets are mended on Sundays.')
  models.chat(() => 'red lantern vessel')
  const query_expansion = { method: 'multi_query', generator: 'writer', queries: 1 }
  const asked = { collection: 'harbour', query: 'scarlet lamp', mode: 'lexical', explain: true }
  const plain = await call('POST', '/v1/retrieve', asked)
  expect(plain.json.hits).toEqual([])
  expect(models.chats).toEqual([])
  const found = await call('POST', '/v1/retrieve', { ...asked, budget_ms: 20_000, query_expansion })
  expect(found.json.degraded).toEqual([])
  expect(found.json.hits).toMatchObject([
    { document_id: 'a', explain: { lexical: null, rewrite: { lists: 1 } } },
  ])
  expect(found.json.usage).toMatchObject({
    generate_input_tokens: 100,
    generate_cached_tokens: 80,
    generate_output_tokens: 10,
  })
  expect(found.json.timings_ms.rewrite).toBeGreaterThan(0)

  const patched = await call('PATCH', '/v1/collections/harbour', { policy: { query_expansion } })
  expect(patched.json.policy.query_expansion).toEqual({ ...query_expansion, weight: 0.5 })
  const byPolicy = await call('POST', '/v1/retrieve', { ...asked, budget_ms: 20_000 })
  expect(byPolicy.json.hits).toHaveLength(1)
  // The same query was reworded before.
  expect(models.chats).toHaveLength(1)
  const off = await call('POST', '/v1/retrieve', { ...asked, query_expansion: null })
  expect(off.json.hits).toEqual([])
})

test('names that are not configured are refused where they are written', async () => {
  const unknown = { method: 'hyde', generator: 'nobody' }
  const wrong = await call('PUT', '/v1/collections/wrong', { policy: { query_expansion: unknown } })
  expect(wrong).toMatchObject({ status: 400, json: { code: 'invalid_request' } })
  expect(wrong.json.detail).toContain('query_expansion.generator: "nobody"')
  const late = await call('PATCH', '/v1/collections/reports', { policy: { enrichment: null } })
  expect(late).toMatchObject({ status: 409, json: { code: 'conflict' } })
  const asked = await call('POST', '/v1/retrieve', {
    collection: 'harbour',
    query: 'x',
    query_expansion: unknown,
  })
  expect(asked.status).toBe(400)
})

test('the configuration refuses defaults that name no generator', async () => {
  const flags = { collection_defaults: { enrichment: { generator: 'nobody' } } }
  await expect(loadConfig(adapterSchemas, { flags })).rejects.toMatchObject({
    message: expect.stringMatching(
      /enrichment.generator: "nobody" is not configured; there are: none/,
    ),
  })
})

test('doctor asks each generator whether it answers', async () => {
  const other = await mkdtemp(join(tmpdir(), 'quarry-doctor-'))
  const findings = await diagnose({ ...(await configured()), data_dir: other }, log)
  await rm(other, { recursive: true, force: true })
  expect(findings.find(({ name }) => name === 'generator writer')).toMatchObject({ state: 'ok' })
})
