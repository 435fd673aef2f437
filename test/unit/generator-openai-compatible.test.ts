import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { openChat } from '../../adapters/generators/openai-compatible.ts'
import type { ChatOptions } from '../../adapters/generators/options.ts'
import { QuarryError } from '../../src/core/errors.ts'
import type { GenerateCall, Instruction } from '../../src/core/generator.ts'
import type { TenantId } from '../../src/core/model.ts'
import {
  type Answer,
  type FakeServer,
  hang,
  json,
  reset,
  startFakeServer,
} from '../support/fake-server.ts'

let server: FakeServer
beforeAll(async () => {
  server = await startFakeServer()
})
afterAll(() => server?.close())
beforeEach(() => {
  server.received.length = 0
  server.answer(saying('an answer'))
})

const saying = (content: unknown, more: object = {}): Answer =>
  json({ choices: [{ message: { role: 'assistant', content }, finish_reason: 'stop' }], ...more })

const instruction: Instruction = {
  system: 'Do it.',
  material: ['the document', 'the chunk'],
  tokensMax: 50,
}
const call = (waits: GenerateCall['waits'], signal = new AbortController().signal) =>
  ({ tenant: 'acme' as TenantId, waits, signal }) as const

const open = (options: Partial<ChatOptions> = {}, context = {}) =>
  openChat({ base_url: `${server.url}/v1/`, model: 'm', ...options }, context)

const bodies = () => server.received.map(({ body }) => body as Record<string, unknown>)

/** Fails the first times, then answers. */
const failingFirst = (times: number, failure: Answer): Answer => {
  let left = times
  return (response, received) => {
    left -= 1
    return (left >= 0 ? failure : saying('an answer'))(response, received)
  }
}

describe('the exchange', () => {
  it('is what /chat/completions wants: what is alike first, what differs last', async () => {
    const usage = {
      prompt_tokens: 900,
      completion_tokens: 60,
      prompt_tokens_details: { cached_tokens: 700 },
    }
    server.answer(saying('an answer', { usage }))
    const generator = open({ api_key: 'sk-1', headers: { 'x-team': 'search' } })
    const generated = await generator.generate(instruction, call('ingest'))
    expect(generated).toEqual({
      text: 'an answer',
      tokens: { input: 900, cached: 700, output: 60 },
    })
    expect(server.received[0]).toMatchObject({
      path: '/v1/chat/completions',
      headers: { authorization: 'Bearer sk-1', 'x-team': 'search' },
    })
    expect(bodies()[0]).toEqual({
      model: 'm',
      messages: [
        { role: 'system', content: 'Do it.' },
        { role: 'user', content: 'the document\n\nthe chunk' },
      ],
      max_tokens: 50,
      temperature: 0,
    })
    expect(generator.profile).toEqual({ provider: 'openai-compatible', model: 'm', revision: '1' })
  })

  it('marks where a cache should end, for providers that want to be told', async () => {
    await open({ cache_control: true }).generate(instruction, call('ingest'))
    expect(bodies()[0]?.['messages']).toMatchObject([
      {},
      {
        content: [
          { type: 'text', text: 'the document', cache_control: { type: 'ephemeral' } },
          { type: 'text', text: 'the chunk' },
        ],
      },
    ])
  })

  it('speaks to models that want other fields', async () => {
    const options: Partial<ChatOptions> = {
      temperature: null,
      max_tokens_field: 'max_completion_tokens',
      extra_body: { reasoning_effort: 'none', model: 'not this one' },
    }
    await open(options).generate(instruction, call('query'))
    expect(bodies()[0]).toMatchObject({
      model: 'm',
      max_completion_tokens: 50,
      reasoning_effort: 'none',
    })
    expect(bodies()[0]).not.toHaveProperty('temperature')
    expect(bodies()[0]).not.toHaveProperty('max_tokens')
  })

  it('estimates tokens where the server counts none', async () => {
    const { tokens } = await open().generate(instruction, call('query'))
    expect(tokens.input).toBeGreaterThan(0)
    expect(tokens).toMatchObject({ cached: 0, output: 3 })
  })

  it('keeps keys out of every error', async () => {
    server.answer(json({ error: { message: 'bad key sk-secret' } }, 401))
    const error = await open({ api_key: 'sk-secret' })
      .generate(instruction, call('query'))
      .catch((cause: unknown) => cause)
    expect(error).toMatchObject({ code: 'upstream_failed', retryable: false })
    expect(JSON.stringify(error) + String(error)).not.toContain('sk-secret')
  })
})

describe('answers without a text', () => {
  it.each([
    ['null', saying(null)],
    ['blank', saying(' \n ')],
    ['no choices', json({ choices: [] })],
  ])('%s fail the call', async (_what, answer) => {
    server.answer(answer)
    await expect(open({ retries: 0 }).generate(instruction, call('ingest'))).rejects.toMatchObject({
      code: 'upstream_failed',
    })
  })
  it('that a filter stopped are a refusal of the material', async () => {
    server.answer(
      json({ choices: [{ message: { content: '' }, finish_reason: 'content_filter' }] }),
    )
    const refused = open().generate(instruction, call('ingest'))
    await expect(refused).rejects.toMatchObject({ code: 'invalid_request', retryable: false })
  })
})

describe('a refusal', () => {
  it('is of the material where a plain word is taken', async () => {
    server.answer((response, received) => {
      const long = JSON.stringify(received.body).includes('the document')
      return (long ? json({}, 400) : saying('ok'))(response, received)
    })
    await expect(open().generate(instruction, call('ingest'))).rejects.toMatchObject({
      code: 'invalid_request',
    })
  })
  it('is of the settings where nothing is, and then no document is to blame', async () => {
    server.answer(json({}, 400))
    const generator = open({ retries: 0 })
    await expect(generator.generate(instruction, call('ingest'))).rejects.toMatchObject({
      code: 'upstream_failed',
      retryable: false,
      message: expect.stringMatching(/one plain word: check model, temperature/),
    })
  })
  it('needs no proof once a call has succeeded', async () => {
    const generator = open()
    await generator.generate(instruction, call('ingest'))
    server.answer(json({}, 400))
    await expect(generator.generate(instruction, call('ingest'))).rejects.toMatchObject({
      code: 'invalid_request',
    })
    expect(server.received).toHaveLength(2)
  })
})

describe('trouble', () => {
  it('is waited out for ingestion, as long as the server asks', async () => {
    server.answer(failingFirst(1, json({}, 429, { 'retry-after-ms': '1' })))
    const generated = await open().generate(instruction, call('ingest'))
    expect(generated.text).toBe('an answer')
    expect(server.received).toHaveLength(2)
  })
  it('is told at once to a query', async () => {
    server.answer(failingFirst(1, reset))
    await expect(open().generate(instruction, call('query'))).rejects.toMatchObject({
      code: 'upstream_failed',
      retryable: true,
    })
    expect(server.received).toHaveLength(1)
  })
  it('opens the circuit, which then refuses without a call', async () => {
    server.answer(json({}, 500))
    const states: string[] = []
    const onBreaker = (_name: string, state: string) => states.push(state)
    const generator = open({ breaker_failures: 2 }, { onBreaker })
    for (let n = 0; n < 2; n += 1)
      await generator.generate(instruction, call('query')).catch(() => {})
    await expect(generator.generate(instruction, call('query'))).rejects.toMatchObject({
      details: { reason: 'circuit_open' },
    })
    expect(server.received).toHaveLength(2)
    expect(states).toEqual(['open'])
  })
  it('ends with the caller’s signal, however long the server hangs', async () => {
    server.answer(hang)
    const leave = new AbortController()
    const asked = open().generate(instruction, call('query', leave.signal))
    leave.abort(new QuarryError('deadline_exceeded', 'too late'))
    await expect(asked).rejects.toMatchObject({ message: expect.stringMatching(/too late/) })
  })
})

it('queries do not wait for the places that ingestion has taken', async () => {
  server.answer((response, received) => {
    if (!JSON.stringify(received.body).includes('slow')) saying('quick')(response, received)
  })
  const generator = open({ concurrency: 1 })
  const leave = new AbortController()
  const slow = generator.generate({ ...instruction, system: 'slow' }, call('ingest', leave.signal))
  while (server.received.length === 0) await sleep(1)
  await expect(generator.generate(instruction, call('query'))).resolves.toMatchObject({
    text: 'quick',
  })
  leave.abort(new QuarryError('unavailable', 'stopping'))
  await expect(slow).rejects.toMatchObject({ code: 'unavailable' })
})

describe('health', () => {
  it('is a tiny exchange, whatever the model says to it', async () => {
    server.answer(saying(''))
    await open().checkHealth(call('query').signal)
    expect(bodies()[0]?.['max_tokens']).toBe(16)
  })
  it('fails where the server does', async () => {
    server.answer(json({}, 503))
    await expect(open().checkHealth(call('query').signal)).rejects.toMatchObject({
      code: 'upstream_failed',
    })
  })
})
