import { expect, test } from 'vitest'
import { createBreaker } from '../../adapters/breaker.ts'
import { createDispatcher } from '../../adapters/onnx/dispatcher.ts'
import type { ModelChild } from '../../adapters/onnx/model-child.ts'
import type { ModelInput } from '../../adapters/onnx/protocol.ts'
import { createQueue, estimateOf, type Item, type QueueLane } from '../../adapters/onnx/queue.ts'
import type { Slot } from '../../adapters/onnx/slot.ts'
import { QuarryError } from '../../src/core/errors.ts'

function item(estimate: number, lane: QueueLane = 'bulk', faults = 0): Item {
  const input: ModelInput = [`${estimate}`, null]
  return { input, estimate, lane, faults, isWanted: () => true, answer: () => {}, fail: () => {} }
}

const sizes = (items: readonly Item[]): number[] => items.map(({ estimate }) => estimate)

test('takes the oldest of ingestion with whoever is near it in length, within the budget', () => {
  const queue = createQueue({ batchTokens: 400, batchItems: 10 })
  queue.add([100, 10, 300, 90, 20, 110, 95].map((estimate) => item(estimate)))
  expect(sizes(queue.take('bulk'))).toEqual([100, 95, 90])
  expect(sizes(queue.take('bulk'))).toEqual([10, 20])
  expect(sizes(queue.take('bulk'))).toEqual([300])
  expect(sizes(queue.take('bulk'))).toEqual([110])
  expect(queue.take('bulk')).toEqual([])
})

test('takes queries in order of arrival, a few at a time', () => {
  const queue = createQueue({ batchTokens: 1_000, batchItems: 2 })
  queue.add([5, 50, 6].map((estimate) => item(estimate, 'query')))
  expect(sizes(queue.take('query'))).toEqual([5, 50])
  expect(sizes(queue.take('query'))).toEqual([6])
})

test('lets a text above the budget go alone, and one that went wrong', () => {
  const queue = createQueue({ batchTokens: 100, batchItems: 10 })
  queue.add([item(500), item(5)])
  expect(sizes(queue.take('bulk'))).toEqual([500])
  queue.putBack([item(7, 'bulk', 1), item(6, 'bulk', 1)])
  expect(sizes(queue.take('bulk'))).toEqual([7])
  expect(sizes(queue.take('bulk'))).toEqual([6])
  expect(sizes(queue.take('bulk'))).toEqual([5])
})

test('guesses tokens from bytes, never more than the model takes', () => {
  expect(estimateOf(['four', 'fourfour'], 512)).toBe(6)
  expect(estimateOf(['x'.repeat(10_000), null], 512)).toBe(512)
})

/** A slot whose child answers when told to. */
function heldSlot() {
  const bundles: (readonly ModelInput[])[] = []
  let release: (error: unknown) => void = () => {}
  let busy = false
  const child: ModelChild = {
    description: {
      revision: '',
      width: 1,
      tokensMax: 512,
      normalized: true,
      queryPrefix: '',
      passagePrefix: '',
    },
    alive: () => true,
    kill: () => {},
    run: (inputs, onAnswer, signal) =>
      new Promise((resolve, reject) => {
        bundles.push(inputs)
        signal.addEventListener('abort', () => reject(signal.reason))
        release = (error) => {
          if (error !== null) return reject(error)
          const places = inputs.map((_, place) => place)
          const values = Float32Array.from(inputs, ([text]) => text.length)
          onAnswer({ kind: 'batch', places, values, tokens: places.map(() => 1) })
          resolve()
        }
      }),
  }
  const slot: Slot = {
    isFree: () => !busy,
    fault: () => null,
    use: async (work) => {
      busy = true
      try {
        return await work(child)
      } finally {
        busy = false
      }
    },
    close: () => {},
  }
  return {
    slot,
    bundles,
    release: async (error: unknown = null) => {
      release(error)
      await new Promise((resolve) => setImmediate(resolve))
    },
  }
}

function dispatcherOver(slots: readonly Slot[], batchItems: number, waitingMax = 100) {
  return createDispatcher({
    name: 'model',
    slots,
    queue: createQueue({ batchTokens: 1_000, batchItems }),
    breaker: createBreaker({ name: 'model', failuresMax: 3, openMs: 60_000 }),
    tokensMax: 512,
    waitingMax,
    graceMs: 0,
  })
}

const texts = (...all: string[]): ModelInput[] => all.map((text) => [text, null])
const forEver = new AbortController().signal

test('keeps one of several processes free of ingestion', async () => {
  const [a, b] = [heldSlot(), heldSlot()]
  const dispatcher = dispatcherOver([a.slot, b.slot], 1)
  const bulk = dispatcher.run(texts('1', '22', '333'), { lane: 'bulk', signal: forEver })
  expect([a.bundles.length, b.bundles.length]).toEqual([1, 0])
  const query = dispatcher.run(texts('query'), { lane: 'query', signal: forEver })
  expect(b.bundles).toEqual([texts('query')])
  await b.release()
  expect((await query).values).toEqual([Float32Array.of(5)])
  for (let i = 0; i < 3; i += 1) await a.release()
  expect((await bulk).values.map((value) => value?.[0])).toEqual([1, 2, 3])
})

test('serves a query before what ingestion has been waiting for', async () => {
  const { slot, bundles, release } = heldSlot()
  const dispatcher = dispatcherOver([slot], 1)
  const bulk = dispatcher.run(texts('1', '22'), { lane: 'bulk', signal: forEver })
  const query = dispatcher.run(texts('query'), { lane: 'query', signal: forEver })
  await release()
  expect(bundles[1]).toEqual(texts('query'))
  await release()
  await release()
  expect((await bulk).tokens).toBe(2)
  expect((await query).tokens).toBe(1)
})

test('returns at the abort what was answered by then, to a caller who can use it', async () => {
  const { slot, release } = heldSlot()
  const dispatcher = dispatcherOver([slot], 2)
  const caller = new AbortController()
  const call = { lane: 'query', signal: caller.signal } as const
  const partial = dispatcher.run(texts('1', '22', '333'), { ...call, partial: true })
  await release()
  caller.abort(new QuarryError('deadline_exceeded', 'too late'))
  expect(await partial).toEqual({
    values: [Float32Array.of(1), Float32Array.of(2), undefined],
    tokens: 2,
  })
})

test('tries an input of a run that went wrong once more, alone, and blames it then', async () => {
  const { slot, bundles, release } = heldSlot()
  const dispatcher = dispatcherOver([slot], 2)
  const good = dispatcher.run(texts('good'), { lane: 'bulk', signal: forEver })
  await release()
  await good
  const a = dispatcher.run(texts('a'), { lane: 'bulk', signal: forEver })
  const b = dispatcher.run(texts('bb'), { lane: 'bulk', signal: forEver })
  const broken = new QuarryError('upstream_failed', 'ended')
  await release(broken)
  expect(bundles.slice(1)).toEqual([texts('a'), texts('a')])
  const blamed = expect(a).rejects.toBe(broken)
  await release(broken)
  await blamed
  await release()
  expect((await b).values).toEqual([Float32Array.of(2)])
})

test('refuses everybody once runs keep going wrong', async () => {
  const { slot, release } = heldSlot()
  const dispatcher = dispatcherOver([slot], 1)
  const broken = new QuarryError('upstream_failed', 'ended')
  const calls = ['a', 'b'].map((text) =>
    dispatcher.run(texts(text), { lane: 'bulk', signal: forEver }).catch((error) => error.details),
  )
  for (let i = 0; i < 3; i += 1) await release(broken)
  expect((await Promise.all(calls))[1]).toMatchObject({ reason: 'circuit_open' })
  await expect(
    dispatcher.run(texts('c'), { lane: 'query', signal: forEver }),
  ).rejects.toMatchObject({ code: 'unavailable' })
})

test('asks a caller to come back when too many wait, each lane for itself', async () => {
  const dispatcher = dispatcherOver([heldSlot().slot], 1, 2)
  const call = (lane: QueueLane) => dispatcher.run(texts('1', '2', '3'), { lane, signal: forEver })
  void call('bulk').catch(() => {})
  await expect(call('bulk')).rejects.toMatchObject({
    code: 'rate_limited',
    details: { retryAfterMs: 1_000 },
  })
  const query = call('query').catch((error) => error.code)
  dispatcher.close()
  expect(await query).toBe('unavailable')
})

test('answers nothing asked with nothing, and refuses a caller that is already late', async () => {
  const dispatcher = dispatcherOver([heldSlot().slot], 1)
  const none = await dispatcher.run([], { lane: 'bulk', signal: forEver })
  expect(none).toEqual({ values: [], tokens: 0 })
  const late = AbortSignal.abort(new QuarryError('deadline_exceeded', 'late'))
  await expect(dispatcher.run(texts('a'), { lane: 'query', signal: late })).rejects.toMatchObject({
    code: 'deadline_exceeded',
  })
})
