import { createHash } from 'node:crypto'
import fc from 'fast-check'
import { expect, it } from 'vitest'
import { openHashed } from '../../adapters/embedders/hashed.ts'
import { hash32 } from '../../adapters/embedders/hashing.ts'
import type { LexicalStatistics } from '../../src/core/lexical-index.ts'
import type { TenantId } from '../../src/core/model.ts'

const call = { tenant: 'acme' as TenantId, signal: new AbortController().signal }

async function passage(text: string, options = {}): Promise<Float32Array> {
  const { vectors } = await openHashed(options).embedPassages([text], call)
  return vectors[0] ?? new Float32Array()
}

async function query(
  text: string,
  statistics: LexicalStatistics | null = null,
): Promise<Float32Array> {
  const { vectors } = await openHashed().embedQuery(text, { ...call, statistics })
  return vectors[0] ?? new Float32Array()
}

const dot = (a: Float32Array, b: Float32Array): number =>
  a.reduce((sum, value, i) => sum + value * (b[i] ?? 0), 0)

it('hashes as it did when this was written', () => {
  expect([hash32(''), hash32('a'), hash32('wörter'), hash32('a', 4)]).toEqual(HASHES)
})

it('gives every text a unit vector, whatever is in it', async () => {
  await fc.assert(
    fc.asyncProperty(fc.string({ minLength: 1, unit: 'binary' }), async (text) => {
      const vector = await passage(text, { dimensions: 64 })
      expect(vector).toHaveLength(64)
      expect(Math.sqrt(dot(vector, vector))).toBeCloseTo(1, 5)
    }),
  )
})

it.each(['!!!', ' ', '\0', '😀😀'])('takes %j by its characters', async (text) => {
  expect(dot(await passage(text), await passage(text))).toBeCloseTo(1, 5)
})

it('brings texts together that share words or parts of them', async () => {
  const near = dot(await passage('refund policy for annual plans'), await query('refunds policy'))
  const typo = dot(await passage('the subscription'), await query('subscripton'))
  const far = dot(await passage('weather in the mountains'), await query('refunds policy'))
  expect(near).toBeGreaterThan(0.4)
  expect(typo).toBeGreaterThan(0.1)
  expect(Math.abs(far)).toBeLessThan(0.15)
})

it('lets rare terms of the tenant decide a query', async () => {
  const statistics: LexicalStatistics = {
    chunkCount: 1_000,
    documentFrequency: (term) => (term.startsWith('invoic') ? 900 : 2),
    analyze: (text) => text.split(' '),
  }
  const [common, rare] = [await passage('invoice'), await passage('zeppelin')]
  const plain = await query('invoice zeppelin')
  const weighted = await query('invoice zeppelin', statistics)
  expect(Math.abs(dot(plain, common) - dot(plain, rare))).toBeLessThan(0.2)
  expect(dot(weighted, rare)).toBeGreaterThan(3 * dot(weighted, common))
})

it('embeds a passage alike alone and among others, and says what it stands on', async () => {
  const embedder = openHashed({ dimensions: 128 })
  const { vectors } = await embedder.embedPassages(['one text', 'another text'], call)
  expect(vectors[1]).toEqual(await passage('another text', { dimensions: 128 }))
  expect(embedder.profile).toMatchObject({ dimensions: 128, queryUsesStatistics: true })
})

it('refuses an empty text with its place', async () => {
  await expect(openHashed().embedPassages(['a', ''], call)).rejects.toMatchObject({
    code: 'invalid_request',
    details: { index: 1 },
  })
  await expect(openHashed().embedQuery('', { ...call, statistics: null })).rejects.toMatchObject({
    code: 'invalid_request',
  })
})

it('gives the event loop back and stops at the abort', async () => {
  const words = Array.from({ length: 150 }, (_, n) =>
    createHash('md5').update(`${n}`).digest('hex'),
  )
  const texts = Array.from({ length: 5_000 }, (_, n) => `${n} ${words.join(' ')}`)
  const controller = new AbortController()
  let turns = 0
  const timer = setInterval(() => {
    turns += 1
    if (turns === 3) controller.abort()
  }, 1)
  const pending = openHashed().embedPassages(texts, { ...call, signal: controller.signal })
  await expect(pending).rejects.toMatchObject({ code: 'deadline_exceeded' })
  clearInterval(timer)
  expect(turns).toBeGreaterThanOrEqual(3)
})

const HASHES: readonly number[] = [2872998923, 444641715, 3144458360, 2111704691]
