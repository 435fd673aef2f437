import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { openHttpEmbedder } from '../../adapters/embedders/http.ts'
import { type HttpEmbedderOptions, httpEmbedderOptions } from '../../adapters/embedders/options.ts'
import { spaceIdentity, spaceIdOf, spaceNameOf } from '../../src/catalog/space-id.ts'
import type { TenantId } from '../../src/core/model.ts'
import { type Answer, type FakeServer, json, startFakeServer } from '../support/fake-server.ts'

interface Asked {
  readonly texts?: readonly string[]
  readonly input?: readonly string[]
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
})

const base64 = (numbers: readonly number[]): string =>
  Buffer.from(new Float32Array(numbers).buffer).toString('base64')

/** A model that embeds every text as these numbers, in the shape and encoding that it is asked for. */
const cohere =
  (vectors: Readonly<Record<string, unknown>>, extra: object = {}): Answer =>
  (response, received) => {
    const { texts = [] } = received.body as Asked
    const embeddings = Object.fromEntries(
      Object.entries(vectors).map(([encoding, vector]) => [encoding, texts.map(() => vector)]),
    )
    json({ id: '1', embeddings, texts, ...extra })(response, received)
  }
const data =
  (vector: unknown, extra: object = {}): Answer =>
  (response, received) => {
    const { input = [] } = received.body as Asked
    const found = input.map((_text, index) => ({ object: 'embedding', index, embedding: vector }))
    json({ data: found.toReversed(), ...extra })(response, received)
  }

const open = (options: Partial<HttpEmbedderOptions> & Pick<HttpEmbedderOptions, 'shape'>) =>
  openHttpEmbedder({
    url: `${server.url}/embed`,
    model: 'm',
    dimensions: 8,
    retries: 0,
    ...options,
  })

const passage = async (options: Parameters<typeof open>[0]) => {
  const { vectors } = await (await open(options)).embedPassages(['a'], call)
  return [...(vectors[0] ?? [])]
}
const length = (vector: readonly number[]) => Math.hypot(...vector)
const dot = (a: readonly number[], b: readonly number[]) =>
  a.reduce((sum, value, at) => sum + value * (b[at] ?? 0), 0)

const EIGHT = [1, -2, 3, -4, 5, -6, 7, -8]

describe('each shape asks as its vendor wants to be asked', () => {
  it('cohere', async () => {
    server.answer(
      cohere({ base64: base64(EIGHT) }, { meta: { billed_units: { input_tokens: 5 } } }),
    )
    const embedder = await open({ shape: 'cohere', api_key: 'k', request_dimensions: true })
    const { tokens } = await embedder.embedPassages(['a', 'b'], call)
    expect(tokens).toBe(5)
    await embedder.embedQuery('q', { ...call, statistics: null })
    expect(server.received.map(({ body }) => body)).toEqual([
      {
        model: 'm',
        texts: ['a', 'b'],
        input_type: 'search_document',
        embedding_types: ['base64'],
        truncate: 'END',
        output_dimension: 8,
      },
      expect.objectContaining({ texts: ['q'], input_type: 'search_query' }),
    ])
    expect(server.received[0]).toMatchObject({
      path: '/embed',
      headers: { authorization: 'Bearer k' },
    })
  })

  it('voyage', async () => {
    server.answer(data(base64(EIGHT), { usage: { total_tokens: 9 } }))
    const embedder = await open({ shape: 'voyage', truncate: false })
    const { tokens } = await embedder.embedPassages(['a', 'b'], call)
    expect(tokens).toBe(9)
    await embedder.embedQuery('q', { ...call, statistics: null })
    expect(server.received.map(({ body }) => body)).toEqual([
      {
        model: 'm',
        input: ['a', 'b'],
        input_type: 'document',
        output_dtype: 'float',
        encoding_format: 'base64',
        truncation: false,
      },
      expect.objectContaining({ input: ['q'], input_type: 'query' }),
    ])
    server.answer(data([1, 2, 3, 4, 5, 6, 7, 8]))
    await passage({ shape: 'voyage', encoding: 'int8' })
    expect(server.received.at(-1)?.body).toMatchObject({ output_dtype: 'int8' })
    expect(server.received.at(-1)?.body).not.toHaveProperty('encoding_format')
  })

  it('jina', async () => {
    server.answer(data(base64(EIGHT)))
    const embedder = await open({ shape: 'jina', request_dimensions: true })
    await embedder.embedPassages(['a'], call)
    await embedder.embedQuery('q', { ...call, statistics: null })
    expect(server.received.map(({ body }) => body)).toEqual([
      {
        model: 'm',
        input: ['a'],
        task: 'retrieval.passage',
        embedding_type: 'base64',
        truncate: true,
        dimensions: 8,
      },
      expect.objectContaining({ input: ['q'], task: 'retrieval.query' }),
    ])
  })
})

describe('vectors are decoded to float32 of length 1', () => {
  const unit = EIGHT.map((value) => value / Math.hypot(...EIGHT))
  it.each([
    ['base64', base64(EIGHT)],
    ['float', EIGHT],
    ['int8', EIGHT.map((value) => value * 10)],
    ['uint8', EIGHT.map((value) => value * 10 + 128)],
  ] as const)('from %s', async (encoding, vector) => {
    server.answer(cohere({ [encoding]: vector }))
    const got = await passage({ shape: 'cohere', encoding })
    got.forEach((value, at) => {
      expect(value).toBeCloseTo(unit[at] ?? 9, 6)
    })
  })

  it('from the whole range of int8', async () => {
    server.answer(cohere({ int8: [-128, 127, 0, 0, 0, 0, 0, 0] }))
    const got = await passage({ shape: 'cohere', encoding: 'int8' })
    expect((got[0] ?? 0) / (got[1] ?? 0)).toBeCloseTo(-128 / 127, 6)
  })

  // The signs + - - + + + - + are 0b10011101 = 157; as offset binary 157 - 128 = 29.
  const signs = [1, -1, -1, 1, 1, 1, -1, 1].map((sign) => sign / Math.sqrt(8))
  it.each([
    ['ubinary', 'cohere', [157]],
    ['binary', 'cohere', [29]],
    ['ubinary', 'voyage', [157]],
    ['binary', 'jina', [29]],
  ] as const)('from %s of %s', async (encoding, shape, vector) => {
    server.answer(shape === 'cohere' ? cohere({ [encoding]: vector }) : data(vector))
    const got = await passage({ shape, encoding })
    expect(got).toEqual(signs.map((value) => Math.fround(value)))
    expect(length(got)).toBeCloseTo(1, 6)
  })

  it('so that the cosine of two binary ones counts the signs that differ', async () => {
    const sixteen = { shape: 'cohere', encoding: 'ubinary', dimensions: 16 } as const
    server.answer(cohere({ ubinary: [0b11110000, 0b10101010] }))
    const one = await passage(sixteen)
    server.answer(cohere({ ubinary: [0b11110011, 0b10101000] }))
    const other = await passage(sixteen)
    expect(dot(one, other)).toBeCloseTo(1 - (2 * 3) / 16, 6)
  })

  it.each([
    ['int8', [1, 2, 3, 4, 5, 6, 7, 128]],
    ['uint8', [1, 2, 3, 4, 5, 6, 7, -1]],
    ['int8', [1, 2, 3, 4, 5, 6, 7, 0.5]],
    ['binary', [128]],
    ['ubinary', ['157']],
    ['ubinary', base64(EIGHT)],
    ['int8', [0, 0, 0, 0, 0, 0, 0, 0]],
  ] as const)('and refused where they are no %s: %j', async (encoding, vector) => {
    server.answer(cohere({ [encoding]: vector }))
    await expect(passage({ shape: 'cohere', encoding })).rejects.toMatchObject({
      code: 'upstream_failed',
    })
  })

  it('and refused where they are of another length', async () => {
    server.answer(cohere({ ubinary: [157, 157] }))
    const asked = passage({ shape: 'cohere', encoding: 'ubinary' })
    await expect(asked).rejects.toMatchObject({
      retryable: false,
      message: expect.stringMatching(/16 dimensions where 8/),
    })
  })
})

describe('answers that cannot be right', () => {
  it('with fewer vectors than texts', async () => {
    server.answer(json({ embeddings: { base64: [base64(EIGHT)] } }))
    const embedder = await open({ shape: 'cohere' })
    await expect(embedder.embedPassages(['a', 'b'], call)).rejects.toMatchObject({
      message: expect.stringMatching(/2 texts with 1 vectors/),
    })
  })
  it('in another encoding than was asked for', async () => {
    server.answer(cohere({ float: EIGHT }))
    await expect(passage({ shape: 'cohere' })).rejects.toMatchObject({ code: 'upstream_failed' })
  })
  it('with an index twice', async () => {
    const twice = { index: 0, embedding: base64(EIGHT) }
    server.answer(json({ data: [twice, twice] }))
    const embedder = await open({ shape: 'voyage' })
    await expect(embedder.embedPassages(['a', 'b'], call)).rejects.toMatchObject({
      message: expect.stringMatching(/repeated an index/),
    })
  })
})

describe('the space', () => {
  const profileWith = async (encoding: HttpEmbedderOptions['encoding']) =>
    (await open({ shape: 'cohere', encoding })).profile
  it('says what the vectors were, and is the same for those that lose nothing', async () => {
    const ids = new Map<string, string>()
    for (const encoding of ['base64', 'float', 'int8', 'uint8', 'binary', 'ubinary'] as const)
      ids.set(encoding, spaceIdOf(spaceIdentity(await profileWith(encoding), 'c')))
    expect(ids.get('float')).toBe(ids.get('base64'))
    expect(new Set(ids.values()).size).toBe(5)
    expect(spaceNameOf(await profileWith('int8'))).toBe('cohere/m@1:8+int8')
    expect(spaceNameOf(await profileWith('float'))).toBe('cohere/m@1:8')
  })
  it('measures the dimensions of packed signs, not of bytes', async () => {
    server.answer(cohere({ ubinary: [1, 2, 3] }))
    const embedder = await openHttpEmbedder({
      url: `${server.url}/embed`,
      model: 'm',
      shape: 'cohere',
      encoding: 'ubinary',
    })
    expect(embedder.profile).toMatchObject({ dimensions: 24, normalized: true })
  })
})

it.each([
  [{ shape: 'jina', encoding: 'int8' }, 'encoding'],
  [{ shape: 'cohere', batch_items: 97 }, 'batch_items'],
] as const)('the options refuse what the shape does not offer: %j', (options, field) => {
  const parsed = httpEmbedderOptions.safeParse({ url: 'http://h/e', model: 'm', ...options })
  expect(parsed.error?.issues[0]?.path).toEqual([field])
})
