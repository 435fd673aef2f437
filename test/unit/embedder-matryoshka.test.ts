import { afterAll, beforeAll, expect, it } from 'vitest'
import { openOpenAiCompatible } from '../../adapters/embedders/openai-compatible.ts'
import {
  type OpenAiCompatibleOptions,
  openAiCompatibleOptions,
} from '../../adapters/embedders/options.ts'
import { spaceIdentity, spaceIdOf, spaceNameOf } from '../../src/catalog/space-id.ts'
import type { TenantId } from '../../src/core/model.ts'
import { type FakeServer, json, startFakeServer } from '../support/fake-server.ts'

const SIXTEEN = Array.from({ length: 16 }, (_, at) => (at < 8 ? 3 : 4))
const call = { tenant: 'acme' as TenantId, signal: new AbortController().signal, statistics: null }
let server: FakeServer

beforeAll(async () => {
  server = await startFakeServer((response, received) => {
    const { input } = received.body as { input: readonly string[] }
    const data = input.map((_text, index) => ({ index, embedding: SIXTEEN }))
    json({ data })(response, received)
  })
})
afterAll(() => server?.close())

const open = (options: Partial<OpenAiCompatibleOptions>) =>
  openOpenAiCompatible({
    base_url: `${server.url}/v1`,
    model: 'text-embedding-3-small',
    ...options,
  })

it.each([
  ['given', { dimensions: 16 }],
  ['measured', {}],
])('keeps the head of each vector, scaled to length 1; dimensions %s', async (_how, options) => {
  const embedder = await open({ ...options, truncate_dimensions: 8, normalize: false })
  const { vectors } = await embedder.embedPassages(['a'], call)
  expect([...(vectors[0] ?? [])]).toEqual(Array(8).fill(Math.fround(1 / Math.sqrt(8))))
  const query = await embedder.embedQuery('a', call)
  expect(query.vectors).toEqual(vectors)
  expect(embedder.profile).toMatchObject({
    dimensions: 8,
    normalized: true,
    representation: 'cut-from-16',
  })
})

it('makes a space of its own, and leaves the ids of whole ones as they were', async () => {
  const cut = (await open({ dimensions: 16, truncate_dimensions: 8 })).profile
  const whole = (await open({ dimensions: 8 })).profile
  const idOf = (profile: typeof cut) => spaceIdOf(spaceIdentity(profile, 'c'))
  expect(idOf(cut)).not.toBe(idOf(whole))
  expect(spaceIdentity(whole, 'c')).not.toHaveProperty('representation')
  expect(spaceNameOf(cut)).toBe('openai-compatible/text-embedding-3-small@1:8+cut-from-16')
})

it('refuses to keep as much as there is', async () => {
  await expect(open({ truncate_dimensions: 16 })).rejects.toMatchObject({ code: 'invalid_request' })
})

it.each([
  ['text-embedding-ada-002', undefined, false],
  ['BAAI/bge-small-en-v1.5', true, true],
  ['text-embedding-3-large', false, false],
  ['nomic-ai/nomic-embed-text-v1.5', undefined, true],
  ['Qwen/Qwen3-Embedding-0.6B', undefined, true],
])('is only for models that declare it: %s', (model, matryoshka, accepted) => {
  const parsed = openAiCompatibleOptions.safeParse({
    base_url: 'http://h/v1',
    model,
    truncate_dimensions: 8,
    ...(matryoshka === undefined ? {} : { matryoshka }),
  })
  expect(parsed.success).toBe(accepted)
})

it('is less than the dimensions that are configured', () => {
  const parsed = openAiCompatibleOptions.safeParse({
    base_url: 'http://h/v1',
    model: 'text-embedding-3-large',
    dimensions: 256,
    truncate_dimensions: 256,
  })
  expect(parsed.error?.issues[0]?.path).toEqual(['truncate_dimensions'])
})
