import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest'
import { openOpenAiCompatible } from '../../adapters/embedders/openai-compatible.ts'
import type { OpenAiCompatibleOptions } from '../../adapters/embedders/options.ts'
import type { TenantId } from '../../src/core/model.ts'
import {
  type Answer,
  type FakeServer,
  hang,
  json,
  reset,
  startFakeServer,
} from '../support/fake-server.ts'

interface Asked {
  readonly model: string
  readonly input: readonly string[]
  readonly encoding_format?: string
  readonly dimensions?: number
}

const tenant = 'acme' as TenantId
const call = { tenant, signal: new AbortController().signal }
let server: FakeServer

beforeAll(async () => {
  server = await startFakeServer()
})
afterAll(async () => {
  await server.close()
})
beforeEach(() => {
  server.received.length = 0
  server.answer(faithful)
})

const asked = (): Asked[] => server.received.map(({ body }) => body as Asked)

/** Three numbers that tell texts apart. */
const numbersOf = (text: string): number[] => [text.length, text.charCodeAt(0), 1]
const base64 = (numbers: readonly number[]): string =>
  Buffer.from(new Float32Array(numbers).buffer).toString('base64')

const faithful: Answer = (response, received) => {
  const { input, encoding_format } = received.body as Asked
  const data = input.map((text, index) => ({
    index,
    embedding: encoding_format === 'base64' ? base64(numbersOf(text)) : numbersOf(text),
  }))
  json({ object: 'list', data, usage: { prompt_tokens: 5, total_tokens: 7 } })(response, received)
}

const answering = (data: readonly object[], extra: object = {}): Answer => json({ data, ...extra })

const open = (options: Partial<OpenAiCompatibleOptions> = {}) =>
  openOpenAiCompatible({
    base_url: `${server.url}/v1/`,
    model: 'm',
    dimensions: 3,
    normalize: false,
    retries: 0,
    ...options,
  })

it('asks as OpenAI wants to be asked', async () => {
  const embedder = await open({
    api_key: 'sk-1',
    request_dimensions: true,
    query_prefix: 'query: ',
    passage_prefix: 'passage: ',
    headers: { 'x-team': 'search' },
  })
  const { vectors, tokens } = await embedder.embedPassages(['a', 'bb'], call)
  expect(vectors.map((vector) => [...vector])).toEqual([
    numbersOf('passage: a'),
    numbersOf('passage: bb'),
  ])
  expect(tokens).toBe(7)
  await embedder.embedQuery('a', { ...call, statistics: null })
  expect(server.received[0]).toMatchObject({
    path: '/v1/embeddings',
    headers: { authorization: 'Bearer sk-1', 'x-team': 'search' },
    body: {
      model: 'm',
      input: ['passage: a', 'passage: bb'],
      encoding_format: 'base64',
      dimensions: 3,
    },
  })
  expect(asked()[1]?.input).toEqual(['query: a'])
})

it('takes numbers from a server that ignores base64', async () => {
  server.answer((response, received) => {
    const { input } = received.body as Asked
    const data = input.map((text, index) => ({ index, embedding: numbersOf(text) }))
    answering(data)(response, received)
  })
  const { vectors, tokens } = await (await open()).embedPassages(['abc'], call)
  expect([...(vectors[0] ?? [])]).toEqual(numbersOf('abc'))
  expect(tokens).toBe(1)
})

it('asks a server that refuses base64 again without, and remembers', async () => {
  server.answer((response, received) =>
    (received.body as Asked).encoding_format === undefined
      ? faithful(response, received)
      : json({ error: 'unknown field' }, 422)(response, received),
  )
  const embedder = await open()
  await embedder.embedPassages(['a'], call)
  await embedder.embedPassages(['b'], call)
  expect(asked().map(({ encoding_format }) => encoding_format)).toEqual([
    'base64',
    undefined,
    undefined,
  ])
})

it('finds the dimensions out when none are configured', async () => {
  expect((await open({ dimensions: undefined })).profile.dimensions).toBe(3)
})

it('puts permuted answers in order', async () => {
  server.answer(
    answering([
      { index: 1, embedding: [2, 0, 0] },
      { index: 0, embedding: [1, 0, 0] },
    ]),
  )
  const { vectors } = await (await open()).embedPassages(['a', 'b'], call)
  expect(vectors.map((vector) => vector[0])).toEqual([1, 2])
})

it('scales to length 1 when it shall', async () => {
  server.answer(answering([{ index: 0, embedding: [3, 0, 4] }]))
  const { vectors } = await (await open({ normalize: true })).embedPassages(['a'], call)
  expect(vectors[0]?.[0]).toBeCloseTo(0.6, 6)
  expect(vectors[0]?.[2]).toBeCloseTo(0.8, 6)
})

it.each([
  ['too few', [{ index: 0, embedding: [1, 2, 3] }]],
  ['a repeated index', [0, 0].map((index) => ({ index, embedding: [1, 2, 3] }))],
  ['an index out of range', [0, 2].map((index) => ({ index, embedding: [1, 2, 3] }))],
  ['the wrong length', [0, 1].map((index) => ({ index, embedding: [1, 2] }))],
  ['NaN', [0, 1].map((index) => ({ index, embedding: base64([1, Number.NaN, 3]) }))],
  ['infinity', [0, 1].map((index) => ({ index, embedding: [1, 1e39, 3] }))],
  ['a zero vector', [0, 1].map((index) => ({ index, embedding: [0, 0, 0] }))],
  ['a null inside', [0, 1].map((index) => ({ index, embedding: [1, null, 3] }))],
  ['cut base64', [0, 1].map((index) => ({ index, embedding: base64([1, 2, 3]).slice(0, -3) }))],
  ['no vectors at all', []],
])('refuses an answer with %s', async (_name, data) => {
  server.answer(answering(data))
  const pending = (await open()).embedPassages(['a', 'b'], call)
  await expect(pending).rejects.toMatchObject({ code: 'upstream_failed' })
})

it('refuses an answer of another shape', async () => {
  server.answer(json({ embeddings: [[1, 2, 3]] }))
  await expect((await open()).embedPassages(['a'], call)).rejects.toMatchObject({
    code: 'upstream_failed',
    message: expect.stringContaining('data'),
  })
})

it('refuses empty texts without asking', async () => {
  const embedder = await open()
  await expect(embedder.embedPassages(['a', ''], call)).rejects.toMatchObject({
    code: 'invalid_request',
    details: { index: 1 },
  })
  await expect(embedder.embedQuery('', { ...call, statistics: null })).rejects.toMatchObject({
    code: 'invalid_request',
  })
  expect(server.received).toEqual([])
})

it('coalesces documents that arrive together', async () => {
  const embedder = await open({ batch_items: 8, batch_window_ms: 20 })
  await Promise.all(['a', 'b', 'c'].map((text) => embedder.embedPassages([text], call)))
  expect(asked().map(({ input }) => input)).toEqual([['a', 'b', 'c']])
})

it('lets a text that the server refuses fail alone', async () => {
  server.answer((response, received) =>
    (received.body as Asked).input.includes('bad')
      ? json({ error: 'too long' }, 413)(response, received)
      : faithful(response, received),
  )
  const embedder = await open({ batch_window_ms: 20 })
  const [good, bad] = await Promise.allSettled([
    embedder.embedPassages(['a', 'b'], call),
    embedder.embedPassages(['c', 'bad'], call),
  ])
  expect(good.status).toBe('fulfilled')
  expect(bad).toMatchObject({ reason: { code: 'invalid_request', details: { index: 1 } } })
})

it('blames the settings when the server takes no text at all', async () => {
  server.answer(json({ error: 'no such dimension' }, 400))
  const texts = Array.from({ length: 32 }, (_, n) => `text ${n}`)
  await expect((await open()).embedPassages(texts, call)).rejects.toMatchObject({
    code: 'upstream_failed',
    retryable: false,
  })
  expect(server.received.length).toBeLessThanOrEqual(4)
})

it('waits for ingestion as a 429 asks, and not at all for a query', async () => {
  let refusals = 1
  server.answer((response, received) => {
    refusals -= 1
    if (refusals >= 0) json({}, 429, { 'retry-after-ms': '30' })(response, received)
    else faithful(response, received)
  })
  const embedder = await open({ retries: 2 })
  expect((await embedder.embedPassages(['a'], call)).vectors).toHaveLength(1)
  refusals = 1
  await expect(embedder.embedQuery('q', { ...call, statistics: null })).rejects.toMatchObject({
    code: 'rate_limited',
    details: { retryAfterMs: 30 },
  })
  expect(server.received).toHaveLength(3)
})

it('gives up at once when a 429 asks for more than `retry_wait_ms`', async () => {
  server.answer(json({}, 429, { 'retry-after-ms': '30' }))
  const embedder = await open({ retries: 2, retry_wait_ms: 10 })
  await expect(embedder.embedPassages(['a'], call)).rejects.toMatchObject({ code: 'rate_limited' })
  expect(server.received).toHaveLength(1)
})

it.each([
  ['500', json({}, 500)],
  ['a broken connection', reset],
  ['what is not JSON', (response: Parameters<Answer>[0]) => response.end('{')],
])('tries ingestion again after %s', async (_name, fault) => {
  let first = true
  server.answer((response, received) => {
    if (first) fault(response, received)
    else faithful(response, received)
    first = false
  })
  const embedder = await open({ retries: 1 })
  expect((await embedder.embedPassages(['a'], call)).vectors).toHaveLength(1)
})

it('settles a query at its deadline and opens the circuit to a server that hangs', async () => {
  const states: string[] = []
  server.answer(hang)
  const embedder = await openOpenAiCompatible(
    {
      base_url: server.url,
      model: 'm',
      dimensions: 3,
      query_timeout_ms: 60,
      breaker_failures: 2,
    },
    { onBreaker: (name, state) => states.push(`${name}: ${state}`) },
  )
  const query = () =>
    embedder
      .embedQuery('q', { tenant, signal: AbortSignal.timeout(15), statistics: null })
      .catch((error: unknown) => error)
  const failures = await Promise.all([query(), query()])
  for (const failure of failures) expect(failure).toMatchObject({ code: 'deadline_exceeded' })
  await sleep(150)
  expect(states).toEqual(['embedder m: open'])
  expect(await query()).toMatchObject({ details: { reason: 'circuit_open' } })
  expect(server.received).toHaveLength(2)
})

it('reports health from a call of its own', async () => {
  const embedder = await open()
  await embedder.checkHealth(call.signal)
  server.answer(json({}, 401))
  await expect(embedder.checkHealth(call.signal)).rejects.toMatchObject({
    code: 'upstream_failed',
    message: expect.stringContaining('credentials'),
  })
})

it('shows no key in its options', async () => {
  const { openAiCompatibleOptions } = await import('../../adapters/embedders/options.ts')
  const parsed = openAiCompatibleOptions.parse({
    base_url: 'http://x/v1',
    model: 'm',
    api_key: 'sk-secret\n',
    headers: { 'api-key': 'other-secret' },
  })
  expect(JSON.stringify(parsed)).not.toContain('secret')
  expect(parsed.api_key?.reveal()).toBe('sk-secret')
  expect(openAiCompatibleOptions.parse(parsed)).toEqual(parsed)
})
