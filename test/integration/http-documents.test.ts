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
const text = { 'content-type': 'text/plain' }

describe('documents', () => {
  test('a raw body waits until it is indexed, then a change, then the same again', async () => {
    const path = `${DOCS}/${encodeURIComponent('ordner/zürich ✓.txt')}`
    const headers = { ...text, 'x-quarry-metadata': '{"lang":"de","n":[1,2]}' }
    const made = await http.call('PUT', `${path}?wait=indexed&title=Z%C3%BCrich`, 'one', headers)
    expect(made.status).toBe(201)
    expect(made.json).toMatchObject({
      id: 'ordner/zürich ✓.txt',
      revision: 1,
      outcome: 'created',
      state: 'indexed',
    })
    expect(made.headers.get('location')).toBe(path)
    const changed = await http.call('PUT', `${path}?wait=indexed`, 'two', headers)
    expect(changed.status).toBe(200)
    expect(changed.json).toMatchObject({ revision: 2, outcome: 'updated' })
    const same = await http.call('PUT', path, 'two', headers)
    expect(same.status).toBe(200)
    expect(same.json).toMatchObject({
      revision: 2,
      outcome: 'unchanged',
      state: 'indexed',
      job_id: null,
    })
    const got = await http.call('GET', `${path}?content=true`)
    expect(got.headers.get('etag')).toBe('"2"')
    expect(got.json).toMatchObject({
      text: 'two',
      metadata: { lang: 'de', n: [1, 2] },
      media_type: 'text/plain',
      chunks: 1,
    })
  })

  test('without a wait the answer is 202, and the job tells the rest', async () => {
    const put = await http.call('PUT', `${DOCS}/later`, {
      text: '# Later',
      media_type: 'text/markdown',
    })
    expect(put.status).toBe(202)
    expect(put.json.state).toBe('queued')
    const before = await http.call('GET', `/v1/jobs/${put.json.job_id}`)
    expect(before.json).toMatchObject({ state: 'queued', counts: { total: 1, waiting: 1 } })
    await http.world.ingest()
    const after = await http.call('GET', `/v1/jobs/${put.json.job_id}`)
    expect(after.json).toMatchObject({ state: 'done', counts: { total: 1, done: 1 } })
    const events = await http.call('GET', `/v1/jobs/${put.json.job_id}/events`)
    expect(events.headers.get('content-type')).toBe('text/event-stream')
    expect(events.text).toMatch(/^event: end\ndata: \{.*"done":1.*\}\n\n$/)
  })

  test('If-Match and If-None-Match guard the revision', async () => {
    await http.call('PUT', `${DOCS}/guarded`, 'one', text)
    const taken = await http.call('PUT', `${DOCS}/guarded`, 'two', {
      ...text,
      'if-none-match': '*',
    })
    expect(taken.status).toBe(409)
    const stale = await http.call('PUT', `${DOCS}/guarded`, 'two', { ...text, 'if-match': '"7"' })
    expect(stale.json.code).toBe('conflict')
    const right = await http.call('PUT', `${DOCS}/guarded`, 'two', { ...text, 'if-match': '"1"' })
    expect(right.json.revision).toBe(2)
    const weak = await http.call('PUT', `${DOCS}/guarded`, 'two', { ...text, 'if-match': 'W/"2"' })
    expect(weak.status).toBe(400)
  })

  test('a delete can be sent again', async () => {
    await http.call('PUT', `${DOCS}/gone?wait=indexed`, 'one', text)
    const gone = await http.call('DELETE', `${DOCS}/gone`)
    expect(gone.status).toBe(200)
    expect(gone.json.outcome).toBe('deleted')
    expect(gone.json.version).toMatch(/^v/)
    expect((await http.call('DELETE', `${DOCS}/gone`)).json.outcome).toBe('absent')
    expect((await http.call('GET', `${DOCS}/gone`)).status).toBe(404)
  })

  test.each([
    ['tenant_id', 1, 'reserved'],
    ['constructor', 1, 'reserved'],
    ['a', null, 'must be a string'],
    ['a', { b: 1 }, 'must be a string'],
    ['a', ['x', 1], 'expected string'],
    ['a', 'x\0', 'NUL'],
  ])('refuses metadata %s: %j', async (key, value, detail) => {
    const answer = await http.call('PUT', `${DOCS}/m`, { text: 'x', metadata: { [key]: value } })
    expect(answer.status).toBe(400)
    expect(answer.json.errors[0].pointer).toMatch(/^\/metadata/)
    expect(answer.json.errors[0].detail).toContain(detail)
  })

  test('refuses __proto__ and more fields than the limit', async () => {
    const json = { 'content-type': 'application/json' }
    const polluted = '{"text":"x","metadata":{"__proto__":{"admin":true}}}'
    const answer = await http.call('PUT', `${DOCS}/m`, polluted, json)
    expect(answer.status).toBe(400)
    expect(answer.json.errors[0].pointer).toBe('/metadata/__proto__')
    const large = { text: 'x', metadata: { a: 'x'.repeat(17_000) } }
    expect((await http.call('PUT', `${DOCS}/m`, large)).json.errors[0].detail).toContain('larger')
    const many = Object.fromEntries(Array.from({ length: 65 }, (_, at) => [`f${at}`, at]))
    expect((await http.call('PUT', `${DOCS}/m`, { text: 'x', metadata: many })).status).toBe(400)
  })

  test.each([
    ['%zz', 400],
    ['%C3%28', 400],
    ['a%00b', 400],
    ['a%0Ab', 400],
  ])('the id %s gives %i', async (id, status) => {
    expect((await http.call('PUT', `${DOCS}/${id}`, 'x', text)).status).toBe(status)
  })

  test('an id has up to 256 bytes', async () => {
    const longest = encodeURIComponent('é'.repeat(128))
    expect((await http.call('PUT', `${DOCS}/${longest}`, 'x', text)).status).toBe(202)
    expect((await http.call('PUT', `${DOCS}/${longest}x`, 'x', text)).status).toBe(400)
  })

  test('two spellings of one name are one document', async () => {
    await http.call('PUT', `${DOCS}/${encodeURIComponent('e\u0301')}`, 'x', text)
    expect((await http.call('GET', `${DOCS}/${encodeURIComponent('é')}`)).json.id).toBe('é')
  })

  test.each([
    [{ text: 'x', content_base64: 'eA==' }, 'exactly one'],
    [{}, 'exactly one'],
    [{ content_base64: 'eA==' }, 'is needed'],
    [{ content_base64: '!!!!', media_type: 'application/pdf' }, 'not base64'],
    [{ text: 'x', media_type: 'image/png' }, 'text/plain'],
  ])('refuses the document %j', async (body, detail) => {
    const answer = await http.call('PUT', `${DOCS}/bad`, body)
    expect(answer.status).toBe(400)
    expect(JSON.stringify(answer.json.errors)).toContain(detail)
  })

  test('415 for what is not parsed, with the types that are', async () => {
    const answer = await http.call('PUT', `${DOCS}/bad`, 'x', { 'content-type': 'image/png' })
    expect(answer.status).toBe(415)
    expect(answer.json.detail).toContain('text/markdown')
    const latin = { 'content-type': 'text/plain; charset=iso-8859-1' }
    expect((await http.call('PUT', `${DOCS}/bad`, 'x', latin)).status).toBe(415)
    const packed = { ...text, 'content-encoding': 'gzip' }
    expect((await http.call('PUT', `${DOCS}/bad`, 'x', packed)).status).toBe(415)
  })

  test('an unknown collection is 404', async () => {
    const answer = await http.call('PUT', '/v1/collections/nowhere/documents/a', 'x', text)
    expect(answer.status).toBe(404)
    expect(answer.json.code).toBe('not_found')
  })

  test('pages through all documents, each once', async () => {
    await http.deps.createCollection('paged' as never, {})
    const documents = Array.from({ length: 7 }, (_, at) => ({ id: `d${at}`, text: `t${at}` }))
    await http.call('POST', '/v1/collections/paged/documents:batch', { documents })
    const seen: string[] = []
    let cursor = ''
    do {
      const next = cursor === '' ? '' : `&cursor=${encodeURIComponent(cursor)}`
      const { json } = await http.call('GET', `/v1/collections/paged/documents?limit=3${next}`)
      seen.push(...json.documents.map((document: { id: string }) => document.id))
      cursor = json.next_cursor ?? ''
    } while (cursor !== '')
    expect(seen).toEqual(documents.map(({ id }) => id))
    const failed = await http.call('GET', '/v1/collections/paged/documents?state=failed')
    expect(failed.json.documents).toEqual([])
    expect((await http.call('GET', '/v1/collections/paged/documents?cursor=abc')).status).toBe(400)
    expect(
      (await http.call('GET', '/v1/collections/paged/documents?limt=3')).json.detail,
    ).toContain('limit')
    expect((await http.call('GET', '/v1/collections/paged/documents?limit=3&limit=4')).status).toBe(
      400,
    )
  })
})

describe('batches', () => {
  const batch = `${DOCS}:batch`

  test('JSON and NDJSON, waiting until all are settled', async () => {
    const json = await http.call('POST', `${batch}?wait=indexed`, {
      documents: [
        { id: 'b1', text: 'one' },
        { id: 'b2', text: 'two' },
      ],
    })
    expect(json.status).toBe(200)
    expect(json.json.documents.map(({ id }: { id: string }) => id)).toEqual(['b1', 'b2'])
    const lines = '{"id":"n1","text":"one"}\n\n{"id":"n2","text":"two","metadata":{"a":1}}\n'
    const ndjson = await http.call('POST', `${batch}?wait=indexed`, lines, {
      'content-type': 'application/x-ndjson',
    })
    expect(ndjson.json.documents).toHaveLength(2)
    expect((await http.call('GET', `${DOCS}/n2`)).json.metadata).toEqual({ a: 1 })
  })

  test('a fault names its line or its place, and nothing is stored', async () => {
    const lines = '{"id":"l1","text":"one"}\n{"id":"l2","txt":"two"}'
    const ndjson = await http.call('POST', batch, lines, { 'content-type': 'application/x-ndjson' })
    expect(ndjson.status).toBe(400)
    expect(ndjson.json.errors[0]).toMatchObject({ line: 2, pointer: '/txt' })
    expect((await http.call('GET', `${DOCS}/l1`)).status).toBe(404)
    const broken = await http.call('POST', batch, '{"id":', {
      'content-type': 'application/x-ndjson',
    })
    expect(broken.json.errors[0].line).toBe(1)
    const json = await http.call('POST', batch, {
      documents: [
        { id: 'l1', text: 'x' },
        { id: '', text: 'x' },
      ],
    })
    expect(json.json.errors[0].pointer).toBe('/documents/1/id')
    const twins = await http.call('POST', batch, {
      documents: [
        { id: 'l1', text: 'x' },
        { id: 'l1', text: 'y' },
      ],
    })
    expect(twins.json.detail).toContain('twice')
    const many = Array.from({ length: 257 }, (_, at) => ({ id: `d${at}`, text: 'x' }))
    expect((await http.call('POST', batch, { documents: many })).status).toBe(400)
  })

  test('files of a form', async () => {
    const form = new FormData()
    form.append('file', new File(['# Hi'], 'hi.md'))
    form.append('file', new File(['plain'], 'plain.bin', { type: 'text/plain' }))
    form.append('metadata', '{"from":"form"}')
    const { status, json } = await http.call('POST', DOCS, form)
    expect(status).toBe(202)
    expect(json.documents).toHaveLength(2)
    const hi = await http.call('GET', `${DOCS}/hi.md`)
    expect(hi.json).toMatchObject({ media_type: 'text/markdown', metadata: { from: 'form' } })
    expect((await http.call('GET', `${DOCS}/plain.bin`)).json.media_type).toBe('text/plain')
    const unknown = new FormData()
    unknown.append('file', new File(['x'], 'x.exe'))
    expect((await http.call('POST', DOCS, unknown)).status).toBe(415)
    expect((await http.call('POST', DOCS, new FormData())).status).toBe(400)
  })

  test('a job is cancelled, and failures are retried', async () => {
    const failed = await http.call('POST', batch, { documents: [{ id: 'f1', text: 'unreadable' }] })
    const job = `/v1/jobs/${failed.json.job_id}`
    const cancelled = await http.call('POST', `${job}:cancel`)
    expect(cancelled.json).toMatchObject({ state: 'cancelled', counts: { cancelled: 1 } })
    expect((await http.call('POST', `${job}:retry`)).status).toBe(200)
    expect((await http.call('POST', '/v1/jobs/nothing:cancel')).status).toBe(404)
    const { json } = await http.call('GET', '/v1/jobs?limit=2')
    expect(json.jobs).toHaveLength(2)
    const next = await http.call(
      'GET',
      `/v1/jobs?limit=2&cursor=${encodeURIComponent(json.next_cursor)}`,
    )
    expect(next.json.jobs[0].id).not.toBe(json.jobs[1].id)
  })
})

describe('Idempotency-Key', () => {
  test('gives the first answer again, and refuses another request', async () => {
    const keyed = { ...text, 'idempotency-key': 'k-1' }
    const first = await http.call('PUT', `${DOCS}/once`, 'one', keyed)
    const again = await http.call('PUT', `${DOCS}/once`, 'one', keyed)
    expect(again.json).toEqual(first.json)
    expect(again.headers.get('idempotency-replayed')).toBe('true')
    expect(again.headers.get('etag')).toBe(first.headers.get('etag'))
    const other = await http.call('PUT', `${DOCS}/once`, 'two', keyed)
    expect(other.status).toBe(422)
    expect((await http.call('GET', `${DOCS}/once?content=true`)).json.text).toBe('one')
  })

  test('keeps no failure', async () => {
    const keyed = { 'idempotency-key': 'k-2', 'content-type': 'application/json' }
    const path = '/v1/collections/late/documents/a'
    expect((await http.call('PUT', path, '{"text":"x"}', keyed)).status).toBe(404)
    await http.deps.createCollection('late' as never, {})
    expect((await http.call('PUT', path, '{"text":"x"}', keyed)).status).toBe(202)
  })

  test('two at once make one write', async () => {
    const keyed = { ...text, 'idempotency-key': 'k-3' }
    const answers = await Promise.all(
      Array.from({ length: 5 }, () => http.call('PUT', `${DOCS}/race`, 'one', keyed)),
    )
    for (const { status, headers } of answers) {
      expect([202, 409]).toContain(status)
      if (status === 409) expect(headers.get('retry-after')).toBe('1')
    }
    const done = answers.filter(({ status }) => status === 202)
    expect(new Set(done.map(({ json }) => json.version)).size).toBe(1)
  })
})
