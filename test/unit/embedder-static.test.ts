import { expect, it } from 'vitest'
import { openStatic } from '../../adapters/embedders/static.ts'
import { EMBEDDERS } from '../../adapters/registry.ts'
import type { TenantId } from '../../src/core/model.ts'
import { writeStaticModel } from '../support/static-model.ts'

const call = { tenant: 'acme' as TenantId, signal: new AbortController().signal }
const TOKENS = { a: [3, 0], b: [0, 4], '!': [1, 1] }

async function openTiny(): ReturnType<typeof openStatic> {
  const model = await writeStaticModel({ tokens: TOKENS, name: 'tiny', revision: '3' })
  return openStatic({ model })
}

it('says whose vectors it gives', async () => {
  expect((await openTiny()).profile).toEqual({
    provider: 'quarry',
    model: 'tiny',
    revision: '3',
    dimensions: 2,
    normalized: true,
    queryPrefix: '',
    passagePrefix: '',
    inputTokensMax: 1_000_000,
    queryUsesStatistics: false,
    suggestedDenseWeight: [
      { score: 0.6, weight: 0.48 },
      { score: 0.85, weight: 2 },
    ],
  })
})

it('gives a passage and a query of one text the same vector', async () => {
  const embedder = await openTiny()
  const { vectors, tokens } = await embedder.embedPassages(['a b', 'b'], call)
  expect(vectors.map((vector) => Array.from(vector))).toEqual([
    [Math.fround(0.6), Math.fround(0.8)],
    [0, 1],
  ])
  expect(tokens).toBe(0)
  const query = await embedder.embedQuery('a b', { ...call, statistics: null })
  expect(query.vectors).toEqual([vectors[0]])
})

it('is at home where it knows the words whole, and lost where it has to spell them', async () => {
  const words = {
    river: [1, 0],
    bank: [0, 1],
    der: [1, 1],
    '##bank': [1, 0],
    u: [1, 0],
    '?': [0, 1],
    น: [1, 1],
  }
  const embedder = await openStatic({ model: await writeStaticModel({ tokens: words }) })
  const coverage = (text: string): number | undefined => embedder.coverage?.(text)
  expect(coverage('River bank?')).toBe(1)
  expect(coverage('der u ubank uubank')).toBe(0)
  expect(coverage('น น น')).toBe(0)
  expect(coverage('東京')).toBe(0)
  expect(coverage('?')).toBe(0)
  expect(coverage('river bank น น')).toBeCloseTo(1 / 3, 10)
})

it('refuses an empty text and names it', async () => {
  const embedder = await openTiny()
  await expect(embedder.embedPassages(['a', ''], call)).rejects.toMatchObject({
    code: 'invalid_request',
    details: { index: 1 },
  })
  await expect(embedder.embedQuery('', { ...call, statistics: null })).rejects.toMatchObject({
    code: 'invalid_request',
  })
})

it('lets others have their turn during a long text, and gives up when told to', async () => {
  const embedder = await openTiny()
  const controller = new AbortController()
  let turns = 0
  const timer = setInterval(() => {
    turns += 1
    if (turns === 3) controller.abort()
  }, 1)
  try {
    await expect(
      embedder.embedPassages(['a! b '.repeat(10_000_000)], { ...call, signal: controller.signal }),
    ).rejects.toMatchObject({ code: 'deadline_exceeded' })
  } finally {
    clearInterval(timer)
  }
  expect(turns).toBe(3)
})

it('does nothing under an aborted signal', async () => {
  const embedder = await openTiny()
  const aborted = { ...call, signal: AbortSignal.abort() }
  await expect(embedder.embedPassages(['a'], aborted)).rejects.toMatchObject({
    code: 'deadline_exceeded',
  })
  await expect(embedder.embedQuery('a', { ...aborted, statistics: null })).rejects.toMatchObject({
    code: 'deadline_exceeded',
  })
})

it('opens by its name with the model that ships', async () => {
  const embedder = await EMBEDDERS.static.open({}, {})
  expect(embedder.profile.model).toBe('quarry-static-en')
  await embedder.checkHealth(call.signal)
  await embedder.close()
})

it('refuses options that it does not know', () => {
  expect(() => EMBEDDERS.static.open({ dimensions: 128 }, {})).toThrow(/dimensions/)
})
