import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Database } from '../../src/catalog/database.ts'
import { openTestDatabase } from '../support/database.ts'
import { createHttpWorld, type HttpWorld } from '../support/http-world.ts'

let database: Database
let http: HttpWorld

beforeAll(async () => {
  database = await openTestDatabase()
  http = await createHttpWorld(database)
})
afterAll(() => database?.close())

const DOCS = '/v1/collections/docs/documents'
const question = { collection: 'docs', query: 'What is it?' }
const text = { 'content-type': 'text/plain' }

describe('collections', () => {
  test('made once, read, listed, patched and removed', async () => {
    const policy = { policy: { chunker: { tokens_max: 200 } } }
    const made = await http.call('PUT', '/v1/collections/books', policy)
    expect(made.status).toBe(201)
    expect(made.json.policy.chunker).toEqual({ tokens_max: 200, overlap_tokens: 0 })
    expect((await http.call('PUT', '/v1/collections/books')).status).toBe(200)
    const patched = await http.call('PATCH', '/v1/collections/books', {
      policy: { fusion: { k: 10 }, rerank: { model: null } },
    })
    expect(patched.json.policy.fusion).toEqual({ method: 'convex', k: 10, weights: null })
    expect(patched.json.policy.chunker.tokens_max).toBe(200)
    const again = await http.call('PATCH', '/v1/collections/books', {
      policy: { fusion: { method: 'convex' } },
    })
    expect(again.json.policy).toMatchObject({
      fusion: { method: 'convex', k: 10 },
      rerank: { model: null },
    })
    const { json } = await http.call('GET', '/v1/collections?limit=1')
    expect(json.collections).toHaveLength(1)
    expect(json.next_cursor).not.toBeNull()
    expect((await http.call('DELETE', '/v1/collections/books')).status).toBe(200)
    expect((await http.call('DELETE', '/v1/collections/books')).status).toBe(404)
    expect((await http.call('GET', '/v1/collections/books')).status).toBe(404)
  })

  test.each([
    [{ policy: { chunker: { token_max: 200 } } }, '/policy/chunker/token_max', 'tokens_max'],
    [{ policy: { chunker: { tokensMax: 200 } } }, '/policy/chunker/tokensMax', 'tokens_max'],
    [{ policy: { chunker: { tokens_max: 1 } } }, '/policy/chunker/tokens_max', '16'],
    [{ polcy: {} }, '/polcy', 'policy'],
    [{ policy: { algorithm: { kind: 'tree' } } }, '/policy/algorithm/kind', '"hnsw"'],
  ])('refuses %j', async (body, pointer, detail) => {
    for (const method of ['PUT', 'PATCH']) {
      const { status, json } = await http.call(method, '/v1/collections/docs', body)
      expect(status).toBe(400)
      expect(json.errors[0].pointer).toBe(pointer)
      expect(json.errors[0].detail).toContain(detail)
    }
  })
})

describe('operators', () => {
  test('keys are made, listed without secrets, and revoked at once', async () => {
    const made = await http.call('POST', '/v1/keys', {
      name: 'reader',
      scopes: ['retrieve'],
      tenant: 'acme',
    })
    expect(made.status).toBe(201)
    const authorization = `Bearer ${made.json.key}`
    expect((await http.call('POST', '/retrieve', question, { authorization })).status).toBe(200)
    const { json, text: shown } = await http.call('GET', '/v1/keys')
    expect(json.keys.some((key: { id: string }) => key.id === made.json.id)).toBe(true)
    expect(shown).not.toContain(made.json.key)
    expect((await http.call('DELETE', `/v1/keys/${made.json.id}`)).status).toBe(200)
    expect((await http.call('POST', '/retrieve', question, { authorization })).status).toBe(401)
    expect((await http.call('DELETE', `/v1/keys/${made.json.id}`)).status).toBe(404)
    expect((await http.call('POST', '/v1/keys', { name: 'x', scopes: ['root'] })).status).toBe(400)
    const past = { name: 'x', scopes: ['eval'], expires_at: '2001-01-01T00:00:00Z' }
    expect((await http.call('POST', '/v1/keys', past)).json.errors[0].pointer).toBe('/expires_at')
  })

  test('usage adds up by day and route', async () => {
    const before = await http.call('GET', '/v1/usage', undefined, { 'x-tenant-id': 'counted' })
    expect(before.json.usage).toEqual([])
    await http.call('PUT', `${DOCS}/u`, 'abc', { ...text, 'x-tenant-id': 'counted' })
    await http.call('POST', '/v1/retrieve', question, { 'x-tenant-id': 'counted' })
    await http.call('POST', '/v1/retrieve', question, { 'x-tenant-id': 'counted' })
    const { json } = await http.call('GET', '/v1/usage', undefined, { 'x-tenant-id': 'counted' })
    const by = Object.fromEntries(json.usage.map((row: { route: string }) => [row.route, row]))
    expect(by['POST /v1/retrieve']).toMatchObject({
      requests: 2,
      embed_tokens: 14,
      rerank_documents: 6,
    })
    expect(by['PUT /v1/collections/{collection}/documents/{document}']).toMatchObject({
      requests: 1,
      documents: 0,
      bytes: 0,
    })
    expect((await http.call('GET', '/v1/usage?from=2024-02-01&to=2024-01-01')).status).toBe(400)
    expect((await http.call('GET', '/v1/usage?from=yesterday')).status).toBe(400)
  })

  test('a tenant is listed and removed with what it has', async () => {
    await http.call('PUT', `${DOCS}/x`, 'abc', { ...text, 'x-tenant-id': 'leaving' })
    expect((await http.call('GET', '/v1/tenants')).json.tenants).toContain('leaving')
    expect((await http.call('DELETE', '/v1/tenants/leaving')).status).toBe(200)
    expect((await http.call('DELETE', '/v1/tenants/leaving')).status).toBe(404)
    const gone = await http.call('GET', `${DOCS}/x`, undefined, { 'x-tenant-id': 'leaving' })
    expect(gone.status).toBe(404)
  })

  test('health, readiness and metrics', async () => {
    const anonymous = { authorization: null, 'x-tenant-id': null }
    for (const path of ['/healthz', '/livez', '/readyz'])
      expect((await http.call('GET', path, undefined, anonymous)).status).toBe(200)
    expect((await http.call('GET', '/metrics', undefined, anonymous)).status).toBe(401)
    const { text: metrics, headers } = await http.call('GET', '/metrics')
    expect(headers.get('content-type')).toContain('text/plain')
    expect(metrics).toContain('http_server_request_duration_seconds_bucket')
    expect(metrics).toContain('nodejs_eventloop_lag_p99_seconds')
    expect(metrics).not.toMatch(/acme|leaving/)
  })

  test('the trace and the request id are continued', async () => {
    const traceparent = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01'
    const answer = await http.call('GET', '/livez', undefined, {
      traceparent,
      'x-request-id': 'mine-1',
    })
    expect(answer.headers.get('traceparent')).toMatch(
      /^00-4bf92f3577b34da6a3ce929d0e0e4736-[0-9a-f]{16}-01$/,
    )
    expect(answer.headers.get('traceparent')).not.toBe(traceparent)
    expect(answer.headers.get('x-request-id')).toBe('mine-1')
    expect(http.lines.at(-1)).toMatchObject({
      trace_id: '4bf92f3577b34da6a3ce929d0e0e4736',
      request_id: 'mine-1',
    })
    const forged = await http.call('GET', '/livez', undefined, {
      traceparent: `00-${'0'.repeat(32)}-00f067aa0ba902b7-01`,
      'x-request-id': 'a b',
    })
    expect(forged.headers.get('traceparent')).not.toContain('00f067aa0ba902b7')
    expect(forged.headers.get('x-request-id')).not.toBe('a b')
  })

  test('404 for no path, 405 with Allow for no method', async () => {
    const nothing = await http.call('GET', '/v2/nothing')
    expect(nothing.status).toBe(404)
    expect(nothing.json.instance).toBe('/v2/nothing')
    const wrong = await http.call('POST', '/v1/collections/docs')
    expect(wrong.status).toBe(405)
    expect(wrong.headers.get('allow')).toBe('PUT, GET, PATCH, DELETE, HEAD')
    expect((await http.call('GET', '/retrieve')).headers.get('allow')).toBe('POST')
  })
})
