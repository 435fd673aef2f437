import { setTimeout as sleep } from 'node:timers/promises'
import fc from 'fast-check'
import { expect, it } from 'vitest'
import { type BatcherOptions, createBatcher } from '../../adapters/batcher.ts'
import { QuarryError } from '../../src/core/errors.ts'

const never = new AbortController().signal
const refused = () => new QuarryError('invalid_request', 'refused the input')

/** Answers every text by itself in capitals, and refuses batches with the text "bad". */
function subject(options: Partial<BatcherOptions<string>> = {}) {
  const batches: (readonly string[])[] = []
  const batcher = createBatcher<string>({
    itemsMax: 4,
    tokensMax: 1_000,
    bytesMax: 1_000,
    windowMs: 2,
    send: async (texts) => {
      batches.push(texts)
      await sleep(1)
      if (texts.includes('bad')) throw refused()
      return { results: texts.map((text) => text.toUpperCase()), tokens: texts.length * 10 }
    },
    ...options,
  })
  return { batcher, batches }
}

it('packs the texts of concurrent calls into one and hands each its own answers', async () => {
  const { batcher, batches } = subject()
  const [one, two] = await Promise.all([batcher.add(['a', 'b'], never), batcher.add(['c'], never)])
  expect(batches).toEqual([['a', 'b', 'c']])
  expect(one.results).toEqual(['A', 'B'])
  expect(two.results).toEqual(['C'])
  expect(one.tokens + two.tokens).toBe(30)
})

it('gives every caller the right answers whatever the sizes', async () => {
  const texts = fc.string({ minLength: 1, maxLength: 12 }).map((text) => `t${text}`)
  const calls = fc.array(fc.array(texts, { maxLength: 9 }), { minLength: 1, maxLength: 8 })
  await fc.assert(
    fc.asyncProperty(calls, async (all) => {
      const { batcher, batches } = subject({ bytesMax: 30, tokensMax: 12 })
      const sent = await Promise.all(all.map((call) => batcher.add(call, never)))
      expect(sent.map(({ results }) => results)).toEqual(
        all.map((call) => call.map((text) => text.toUpperCase())),
      )
      const count = all.flat().length
      expect(sent.reduce((sum, { tokens }) => sum + tokens, 0)).toBe(count * 10)
      for (const batch of batches) {
        const bytes = batch.reduce((sum, text) => sum + Buffer.byteLength(text), 0)
        expect(batch.length === 1 || (batch.length <= 4 && bytes <= 30)).toBe(true)
      }
    }),
    { numRuns: 40 },
  )
})

it('lets a bad text fail alone and with its place', async () => {
  const { batcher } = subject()
  const [good, bad, other] = await Promise.allSettled([
    batcher.add(['a'], never),
    batcher.add(['b', 'bad'], never),
    batcher.add(['c'], never),
  ])
  expect(good).toMatchObject({ status: 'fulfilled', value: { results: ['A'] } })
  expect(other).toMatchObject({ status: 'fulfilled', value: { results: ['C'] } })
  expect(bad).toMatchObject({
    status: 'rejected',
    reason: { code: 'invalid_request', details: { index: 1 } },
  })
})

it('does not halve a batch that failed for another reason', async () => {
  let calls = 0
  const down = new QuarryError('upstream_failed', 'down')
  const { batcher } = subject({
    send: () => {
      calls += 1
      return Promise.reject(down)
    },
  })
  await expect(batcher.add(['a', 'b'], never)).rejects.toBe(down)
  expect(calls).toBe(1)
})

it('keeps other callers going when one leaves a batch under way', async () => {
  let aborted = false
  const { batcher } = subject({
    send: async (texts, signal) => {
      signal.addEventListener('abort', () => {
        aborted = true
      })
      await sleep(40)
      return { results: [...texts], tokens: 1 }
    },
  })
  const controller = new AbortController()
  const leaver = batcher.add(['a'], controller.signal)
  const stayer = batcher.add(['b'], never)
  setTimeout(() => controller.abort(), 15)
  await expect(leaver).rejects.toMatchObject({ code: 'deadline_exceeded' })
  expect((await stayer).results).toEqual(['b'])
  expect(aborted).toBe(false)
})

it('ends a batch that nobody waits for any more', async () => {
  let noteEnd: () => void = () => {}
  const ended = new Promise<void>((resolve) => {
    noteEnd = resolve
  })
  const { batcher } = subject({
    send: (_texts, signal) =>
      new Promise((_resolve, reject) => {
        signal.addEventListener('abort', () => {
          noteEnd()
          reject(signal.reason)
        })
      }),
  })
  const controller = new AbortController()
  const both = [batcher.add(['a'], controller.signal), batcher.add(['b'], controller.signal)]
  setTimeout(() => controller.abort(), 15)
  await Promise.allSettled(both)
  await ended
})

it('does not send what was taken back in time', async () => {
  const { batcher, batches } = subject({ windowMs: 20 })
  const controller = new AbortController()
  const leaver = batcher.add(['a'], controller.signal)
  const stayer = batcher.add(['b'], never)
  controller.abort()
  await expect(leaver).rejects.toBeInstanceOf(QuarryError)
  await stayer
  expect(batches).toEqual([['b']])
})

it('answers no texts with no answers and without a call', async () => {
  const { batcher, batches } = subject()
  expect(await batcher.add([], never)).toEqual({ results: [], tokens: 0 })
  expect(batches).toEqual([])
})
