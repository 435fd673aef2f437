import { connect } from 'node:net'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Database } from '../../src/catalog/database.ts'
import { DEFAULT_LIMITS } from '../../src/core/limits.ts'
import { type RunningServer, startServer } from '../../src/http/server.ts'
import { type Api, apiAt } from '../support/api.ts'
import { openTestDatabase } from '../support/database.ts'
import { cannedResponse, createHttpWorld, type HttpWorld } from '../support/http-world.ts'

let database: Database
let http: HttpWorld
let server: RunningServer
let api: Api

/** The whole app behind a real socket. */
beforeAll(async () => {
  database = await openTestDatabase()
  http = await createHttpWorld(database, {
    bodyBytes: 5_000,
    documentBytes: 2_000,
    retrieveBodyBytes: 1_000,
  })
  server = await startServer(http.app, { host: '127.0.0.1', port: 0, ...DEFAULT_LIMITS })
  api = apiAt(server.url, await http.newKey(['admin']))
})
afterAll(async () => {
  await server?.close(0)
  await database?.close()
})

const DOCS = '/v1/collections/docs/documents'
const text = { 'content-type': 'text/plain' }

async function until(holds: () => boolean): Promise<void> {
  const end = Date.now() + 5_000
  while (!holds() && Date.now() < end) await new Promise((resolve) => setTimeout(resolve, 5))
  expect(holds()).toBe(true)
}

test('an id of any characters survives the way there and back', async () => {
  const id = 'a/b?c#d%20 ü✓:cancel'
  const put = await api.call('PUT', `${DOCS}/${encodeURIComponent(id)}?wait=indexed`, 'x', text)
  expect(put.status).toBe(201)
  expect(put.body.id).toBe(id)
  const got = await api.call('GET', put.headers.get('location') ?? '')
  expect(got.body.id).toBe(id)
})

test('metadata in a header is UTF-8', async () => {
  const value = Buffer.from('{"city":"Zürich"}', 'utf8').toString('latin1')
  await api.call('PUT', `${DOCS}/header`, 'x', { ...text, 'x-quarry-metadata': value })
  expect((await api.call('GET', `${DOCS}/header`)).body.metadata).toEqual({ city: 'Zürich' })
})

test('each kind of body has its own limit', async () => {
  expect((await api.call('PUT', `${DOCS}/big`, 'x'.repeat(2_001), text)).status).toBe(413)
  expect((await api.call('PUT', `${DOCS}/big`, 'x'.repeat(5_001), text)).status).toBe(413)
  expect((await api.call('PUT', `${DOCS}/big`, 'x'.repeat(2_000), text)).status).toBe(202)
  const question = { collection: 'docs', query: 'x'.repeat(1_000) }
  const refused = await api.call('POST', '/retrieve', question)
  expect(refused.status).toBe(413)
  expect(refused.body).toMatchObject({ code: 'payload_too_large', status: 413 })
})

test('a caller that goes away aborts its retrieval, which is logged as 499', async () => {
  let signal: AbortSignal | undefined
  http.retrieve = (request) => {
    signal = request.signal
    return new Promise((_resolve, reject) => {
      signal?.addEventListener('abort', () => reject(signal?.reason))
    })
  }
  const controller = new AbortController()
  const gone = fetch(`${server.url}/retrieve`, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${await http.newKey(['retrieve'], 'acme')}`,
      'content-type': 'application/json',
    },
    body: JSON.stringify({ collection: 'docs', query: 'x' }),
    signal: controller.signal,
  }).catch(() => 'gone')
  await until(() => signal !== undefined)
  controller.abort()
  expect(await gone).toBe('gone')
  await until(() => http.lines.at(-1)?.['status'] === 499)
  expect(signal?.aborted).toBe(true)
  http.retrieve = async () => cannedResponse()
})

test('a caller that hangs up in the middle of a body leaves no 5xx', async () => {
  const key = await http.newKey(['ingest'], 'acme')
  const { hostname, port } = new URL(server.url)
  const before = http.lines.length
  const socket = connect(Number(port), hostname, () => {
    socket.write(
      `PUT ${DOCS}/half HTTP/1.1\r\nhost: a\r\nauthorization: Bearer ${key}\r\n` +
        'content-type: text/plain\r\ncontent-length: 100\r\n\r\nhalf',
      () => setTimeout(() => socket.destroy(), 50),
    )
  })
  await until(() => http.lines.length > before)
  expect([400, 499]).toContain(http.lines.at(-1)?.['status'])
  expect((await api.call('GET', `${DOCS}/half`)).status).toBe(404)
})

test('an event stream that its reader leaves stops asking', async () => {
  const put = await api.call('PUT', `${DOCS}/watched`, 'x', text)
  const controller = new AbortController()
  const response = await fetch(`${server.url}/v1/jobs/${put.body.job_id}/events`, {
    headers: { authorization: `Bearer ${await http.newKey(['ingest'], 'acme')}` },
    signal: controller.signal,
  })
  const reader = response.body?.getReader()
  const first = await reader?.read()
  expect(new TextDecoder().decode(first?.value)).toContain('event: progress')
  controller.abort()
  await reader?.closed.catch(() => undefined)
  const errors = http.lines.filter(({ level }) => level === 50)
  await new Promise((resolve) => setTimeout(resolve, 600))
  expect(http.lines.filter(({ level }) => level === 50)).toEqual(errors)
})
