import { gzipSync } from 'node:zlib'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { z } from 'zod'
import { callJson, readRetryAfter } from '../../adapters/http.ts'
import { QuarryError } from '../../src/core/errors.ts'
import {
  drip,
  type FakeServer,
  hang,
  json,
  reset,
  startFakeServer,
} from '../support/fake-server.ts'

let server: FakeServer
const schema = z.object({ fine: z.literal(true) })
const SECRET = 'sk-very-secret'
const INPUT = 'a text that nobody may see'

beforeAll(async () => {
  server = await startFakeServer()
})
afterAll(async () => {
  await server.close()
})

function call(options: { signal?: AbortSignal; bytesMax?: number; url?: string } = {}) {
  return callJson({
    upstream: 'model x',
    url: options.url ?? server.url,
    headers: { authorization: `Bearer ${SECRET}` },
    body: { input: INPUT },
    schema,
    signal: options.signal ?? new AbortController().signal,
    responseBytesMax: options.bytesMax ?? 1_000_000,
  })
}

async function failure(pending: Promise<unknown>): Promise<QuarryError> {
  const error = await pending.then(
    () => undefined,
    (reason: unknown) => reason,
  )
  expect(error).toBeInstanceOf(QuarryError)
  const shown = `${String(error)} ${JSON.stringify((error as QuarryError).details)}`
  expect(shown).not.toContain(SECRET)
  expect(shown).not.toContain(INPUT)
  return error as QuarryError
}

it('sends JSON and gives back the parsed answer', async () => {
  server.answer(json({ fine: true }))
  expect(await call()).toEqual({ fine: true })
  expect(server.received.at(-1)).toMatchObject({
    body: { input: INPUT },
    headers: { authorization: `Bearer ${SECRET}`, 'content-type': 'application/json' },
  })
})

it.each([
  [400, 'invalid_request', false],
  [413, 'invalid_request', false],
  [422, 'invalid_request', false],
  [401, 'upstream_failed', false],
  [403, 'upstream_failed', false],
  [404, 'upstream_failed', false],
  [302, 'upstream_failed', false],
  [408, 'upstream_failed', true],
  [424, 'upstream_failed', true],
  [429, 'rate_limited', true],
  [500, 'upstream_failed', true],
  [503, 'upstream_failed', true],
])('maps status %i to %s, retryable %s', async (status, code, retryable) => {
  server.answer(json({ error: { message: `${INPUT} ${SECRET}` } }, status, { location: '/x' }))
  expect(await failure(call())).toMatchObject({ code, retryable, details: { status } })
})

it('does not follow a redirect', async () => {
  const before = server.received.length
  server.answer((response, received) =>
    received.path === '/elsewhere'
      ? json({ fine: true })(response, received)
      : json({}, 307, { location: '/elsewhere' })(response, received),
  )
  await failure(call())
  expect(server.received.length).toBe(before + 1)
})

it('reads how long to wait from a 429', async () => {
  server.answer(json({}, 429, { 'retry-after': '2' }))
  expect((await failure(call())).details['retryAfterMs']).toBe(2_000)
})

it.each([
  [{ 'retry-after-ms': '1500' }, 1_500],
  [{ 'retry-after': '1.5' }, 1_500],
  [{ 'retry-after': 'Thu, 01 Jan 1970 00:00:10 GMT' }, 7_000],
  [{ 'retry-after': 'Thu, 01 Jan 1970 00:00:01 GMT' }, 0],
  [{ 'retry-after': 'soon' }, null],
  [{}, null],
])('reads %j as %s ms', (headers, ms) => {
  expect(readRetryAfter(new Headers(headers as Record<string, string>), 3_000)).toBe(ms)
})

it('refuses what is not JSON and what has another shape, as worth another try', async () => {
  server.answer((response) => response.end(`<html>${INPUT}`))
  expect(await failure(call())).toMatchObject({ code: 'upstream_failed', retryable: true })
  server.answer(json({ fine: INPUT }))
  const error = await failure(call())
  expect(error).toMatchObject({ code: 'upstream_failed', retryable: true })
  expect(error.message).toContain('fine')
})

it.each([
  ['a hanging server', hang],
  ['a body that only drips', drip],
])('gives up on %s when its signal says so', async (_name, answer) => {
  server.answer(answer)
  const late = new QuarryError('deadline_exceeded', 'too late')
  const controller = new AbortController()
  const started = performance.now()
  setTimeout(() => controller.abort(late), 60)
  expect(await failure(call({ signal: controller.signal }))).toBe(late)
  expect(performance.now() - started).toBeLessThan(2_000)
})

it('calls a foreign abort reason by a code of its own', async () => {
  expect(await failure(call({ signal: AbortSignal.abort() }))).toMatchObject({
    code: 'deadline_exceeded',
  })
})

it('stops reading a body that inflates beyond the limit', async () => {
  const bomb = gzipSync(Buffer.alloc(20 * 1024 * 1024, ' '))
  expect(bomb.byteLength).toBeLessThan(100_000)
  server.answer((response) => {
    response.writeHead(200, { 'content-encoding': 'gzip', 'content-type': 'application/json' })
    response.end(bomb)
  })
  const error = await failure(call({ bytesMax: 100_000 }))
  expect(error).toMatchObject({ code: 'upstream_failed', retryable: false })
  expect(error.message).toContain('100000')
})

it('takes a body of exactly the limit', async () => {
  const text = JSON.stringify({ fine: true })
  server.answer((response) => response.end(text))
  expect(await call({ bytesMax: text.length })).toEqual({ fine: true })
  expect((await failure(call({ bytesMax: text.length - 1 }))).message).toContain('more than')
})

it('names a broken connection by its code', async () => {
  server.answer(reset)
  expect(await failure(call())).toMatchObject({ code: 'upstream_failed', retryable: true })
  const refused = await failure(call({ url: 'http://127.0.0.1:1' }))
  expect(refused).toMatchObject({ code: 'upstream_failed', retryable: true })
})

it('keeps a header that cannot be sent out of its message', async () => {
  const pending = callJson({
    upstream: 'model x',
    url: server.url,
    headers: { authorization: `Bearer ${SECRET}\n` },
    schema,
    signal: new AbortController().signal,
    responseBytesMax: 1_000,
  })
  await failure(pending.then(() => Promise.reject(new Error('sent'))))
})
