import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { loadConfig } from '../../src/config/load.ts'
import { createLog } from '../../src/observe/log.ts'
import { adapterSchemas, openService, type Service } from '../../src/service.ts'

const log = createLog({ level: 'silent' })
const DOCUMENTS = '/v1/collections/docs/documents'
let folder: string
let service: Service | undefined

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'quarry-embedder-change-'))
})
afterAll(async () => {
  await stop()
  await rm(folder, { recursive: true, force: true })
})

async function start(embedder?: object): Promise<void> {
  const config = await loadConfig(adapterSchemas, {
    flags: {
      data_dir: folder,
      insecure_no_auth: true,
      limits: { job_attempts: 1 },
      ...(embedder === undefined ? {} : { embedders: { default: embedder } }),
    },
  })
  service = await openService(config, { roles: { worker: true, replica: true }, log })
  await service.ready
}

async function stop(): Promise<void> {
  await service?.close(1_000)
  service = undefined
}

// biome-ignore lint/suspicious/noExplicitAny: each assertion names the part of an answer that it reads
async function call(method: string, path: string, body?: unknown): Promise<any> {
  const response = await service?.app.request(`http://127.0.0.1${path}`, {
    method,
    headers: { 'content-type': 'application/json', 'x-tenant-id': 'acme', host: '127.0.0.1' },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  })
  return response?.json()
}

const put = (id: string, text: string) =>
  call('PUT', `${DOCUMENTS}/${id}?wait=indexed&wait_ms=20000`, { text })
const ask = (more: object = {}) =>
  call('POST', '/v1/retrieve', { collection: 'docs', query: 'harbour', rerank: null, ...more })

const BEFORE = { adapter: 'hashed', dimensions: 320 }

async function expectRefusal(now: string): Promise<void> {
  const { degraded, hits } = await ask()
  expect(hits.map((hit: { document_id: string }) => hit.document_id)).toEqual(['old'])
  expect(degraded).toMatchObject([{ stage: 'dense', reason: 'space_mismatch' }])
  expect(degraded[0].detail).toContain('quarry/hashed-english@1:320')
  expect(degraded[0].detail).toContain(now)
  expect(degraded[0].detail).toContain('give embedders.default in the config its former settings')
}

test('a collection whose embedder changed mixes no vectors and says what to do', async () => {
  await start(BEFORE)
  await call('PUT', '/v1/collections/docs', {})
  await put('old', 'The harbour is closed in winter.')
  expect((await ask()).degraded).toEqual([])
  await stop()

  await start({ ...BEFORE, analyzer: 'unicode' })
  await expectRefusal('quarry/hashed-unicode@2:320')
  await put('new', 'The harbour opens in spring.')
  const document = await call('GET', `${DOCUMENTS}/new`)
  expect(document).toMatchObject({ state: 'failed' })
  expect(JSON.stringify(document)).toContain('give embedders.default in the config')
  await stop()

  await start()
  await expectRefusal('quarry/quarry-static-en@')
  await call('PUT', '/v1/collections/fresh', {})
  await call('PUT', '/v1/collections/fresh/documents/a?wait=indexed&wait_ms=20000', {
    text: 'The physician cured the illness.',
  })
  const asked = { collection: 'fresh', query: 'a doctor healed a disease', mode: 'dense' }
  const { hits, degraded, index } = await ask(asked)
  expect([hits.length, degraded]).toEqual([1, []])
  expect(index.space).toMatch(/^quarry\/quarry-static-en@/)
}, 180_000)
