import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { KEY_SCOPES } from '../../src/catalog/catalog.ts'
import type { Database } from '../../src/catalog/database.ts'
import { DEFAULT_LIMITS } from '../../src/core/limits.ts'
import type { Route } from '../../src/http/route.ts'
import { createRoutes } from '../../src/http/routes.ts'
import { openTestDatabase } from '../support/database.ts'
import { createHttpWorld, type HttpWorld, type Reply } from '../support/http-world.ts'

let database: Database
let http: HttpWorld
const keyOf = new Map<string, string>()
let bound: string
let boundAdmin: string

beforeAll(async () => {
  database = await openTestDatabase()
  http = await createHttpWorld(database)
  for (const scope of KEY_SCOPES) keyOf.set(scope, await http.newKey([scope]))
  bound = await http.newKey(['retrieve', 'ingest', 'eval'], 'acme')
  boundAdmin = await http.newKey(['admin'], 'acme')
})
afterAll(() => database?.close())

const pathOf = (route: Route): string => route.path.replaceAll(/\{\w+\}/g, 'x')

/** A body that is right in form, so that nothing but the key can be at fault. */
function bodyOf(route: Route): { body: string; type: Record<string, string> } | null {
  if (route.body === null) return null
  const type = Object.keys(route.body.contents)[0] ?? ''
  return { body: '{}', type: { 'content-type': type } }
}

function ask(route: Route, headers: Record<string, string | null>): Promise<Reply> {
  const body = bodyOf(route)
  return http.call(route.method, pathOf(route), body?.body, { ...body?.type, ...headers })
}

const bearer = (key: string) => ({ authorization: `Bearer ${key}` })
const guarded = createRoutes(DEFAULT_LIMITS).filter(({ reach }) => reach !== 'public')
const named = (routes: readonly Route[]) =>
  routes.map((route) => [`${route.method} ${route.path}`, route] as const)

describe('every guarded route', () => {
  test('is most of them', () => {
    expect(guarded.length).toBeGreaterThan(20)
  })

  test.each(named(guarded))('%s wants a key', async (_name, route) => {
    const missing = await ask(route, { authorization: null })
    const unknown = await ask(route, bearer('qk_unknown_0123456789abcdef'))
    const garbled = await ask(route, { authorization: 'Basic YTpi' })
    for (const { status, headers, json } of [missing, unknown, garbled]) {
      expect(status).toBe(401)
      expect(headers.get('www-authenticate')).toContain('Bearer')
      expect(json.code).toBe('unauthenticated')
    }
  })

  test.each(named(guarded.filter(({ scopes }) => scopes.length > 0)))(
    '%s wants its scope',
    async (_name, route) => {
      const allowed = new Set<string>(['admin', ...route.scopes])
      for (const [scope, key] of keyOf) {
        const { status, json } = await ask(route, bearer(key))
        if (allowed.has(scope)) expect(status, scope).not.toBe(403)
        else expect(json, scope).toMatchObject({ status: 403, code: 'forbidden' })
      }
    },
  )

  test.each(named(guarded))('%s refuses a bound key for another tenant', async (_name, route) => {
    const { status } = await ask(route, { ...bearer(boundAdmin), 'x-tenant-id': 'other' })
    expect(status).toBe(403)
  })

  test.each(named(guarded.filter(({ reach }) => reach === 'service')))(
    '%s refuses a key that is bound to a tenant, even an admin',
    async (_name, route) => {
      expect((await ask(route, { ...bearer(boundAdmin), 'x-tenant-id': null })).status).toBe(403)
    },
  )

  test.each(named(guarded.filter(({ reach }) => reach === 'tenant')))(
    '%s wants a tenant, in the right form',
    async (_name, route) => {
      const missing = await ask(route, { 'x-tenant-id': null })
      expect(missing.status).toBe(400)
      expect(missing.json.detail).toContain('X-Tenant-Id')
      for (const wrong of ['', '-a', 'a b', 'a/b', 'x'.repeat(64)])
        expect((await ask(route, { 'x-tenant-id': wrong })).status).toBe(400)
    },
  )
})

describe('one tenant', () => {
  const text = { 'content-type': 'text/plain' }
  const withoutId = (reply: Reply): string =>
    reply.text.replace(reply.json.request_id, 'id').replaceAll(/(mine|none)/g, 'it')

  test('cannot tell the thing of another from one that is not there', async () => {
    const put = await http.call('PUT', '/v1/collections/docs/documents/mine', 'x', text)
    const job: string = put.json.job_id
    const stranger = { 'x-tenant-id': 'stranger' }
    const document = '/v1/collections/docs/documents'
    for (const suffix of ['', '?content=true']) {
      const theirs = await http.call('GET', `${document}/mine${suffix}`, undefined, stranger)
      const nobodys = await http.call('GET', `${document}/none${suffix}`, undefined, stranger)
      expect(theirs.status).toBe(404)
      expect(withoutId(theirs)).toBe(withoutId(nobodys))
    }
    const jobRoutes = [
      ['GET', ''],
      ['GET', '/events'],
      ['POST', ':cancel'],
      ['POST', ':retry'],
    ] as const
    const absent = job.replaceAll(/[0-9a-f]/g, '0')
    for (const [method, suffix] of jobRoutes) {
      const theirs = await http.call(method, `/v1/jobs/${job}${suffix}`, undefined, stranger)
      const nobodys = await http.call(method, `/v1/jobs/${absent}${suffix}`, undefined, stranger)
      expect(theirs.status).toBe(404)
      expect(withoutId(theirs).replaceAll(job, 'it')).toBe(
        withoutId(nobodys).replaceAll(absent, 'it'),
      )
    }
    expect((await http.call('DELETE', `${document}/mine`, undefined, stranger)).json.outcome).toBe(
      'absent',
    )
    expect((await http.call('GET', `${document}/mine`)).status).toBe(200)
    expect((await http.call('GET', document, undefined, stranger)).json.documents).toEqual([])
    expect((await http.call('GET', '/v1/jobs', undefined, stranger)).json.jobs).toEqual([])
  })

  test('needs no header with a key of its own', async () => {
    const headers = { ...bearer(bound), 'x-tenant-id': null }
    const reply = await http.call('GET', '/v1/collections/docs/documents/mine', undefined, headers)
    expect(reply.status).toBe(200)
    expect(http.lines.at(-1)).toMatchObject({ tenant_id: 'acme' })
  })

  test('does not get the answer that another keyed the same', async () => {
    const keyed = { ...text, 'idempotency-key': 'same' }
    const path = '/v1/collections/docs/documents/keyed'
    await http.call('PUT', path, 'mine', keyed)
    const other = await http.call('PUT', path, 'theirs', { ...keyed, 'x-tenant-id': 'stranger' })
    expect(other.status).toBe(202)
    expect(other.headers.get('idempotency-replayed')).toBeNull()
  })
})

test('a key that was revoked elsewhere stops within a second', async () => {
  const key = await http.newKey(['ingest'], 'acme')
  const headers = { ...bearer(key), 'x-tenant-id': null }
  const read = () => http.call('GET', '/v1/jobs', undefined, headers)
  expect((await read()).status).toBe(200)
  const keys = await http.deps.catalog.keys.list()
  await http.deps.catalog.keys.revoke(keys.at(-1)?.id ?? '')
  await new Promise((resolve) => setTimeout(resolve, 1_050))
  expect((await read()).status).toBe(401)
})

describe('without keys', () => {
  test('the operator acts for the tenant `default`, on loopback and same-origin only', async () => {
    const database = await openTestDatabase()
    const open = await createHttpWorld(database, { insecureNoAuth: true })
    const anonymous = { authorization: null, 'x-tenant-id': null }
    const get = (headers: Record<string, string>) =>
      open.call('GET', '/v1/jobs', undefined, { ...anonymous, ...headers })
    try {
      expect((await get({})).status).toBe(200)
      expect(open.lines.at(-1)).toMatchObject({ tenant_id: 'default', key_id: 'local' })
      expect((await get({ 'x-tenant-id': 'acme' })).status).toBe(200)
      expect((await get({ host: 'localhost:8080' })).status).toBe(200)
      expect((await get({ host: 'rebound.example' })).status).toBe(403)
      expect((await get({ host: 'localhost:8080', origin: 'http://evil.example' })).status).toBe(
        403,
      )
    } finally {
      await database.close()
    }
  })
})
