import { setTimeout as sleep } from 'node:timers/promises'
import { expect, it } from 'vitest'
import { createLimiter } from '../../adapters/limiter.ts'
import { retrying } from '../../adapters/retry.ts'
import { createUpstream } from '../../adapters/upstream.ts'
import { QuarryError } from '../../src/core/errors.ts'

const never = new AbortController().signal
const hangs = (signal: AbortSignal): Promise<never> =>
  new Promise((_resolve, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason))
  })

function upstreamOf(concurrency = 4, states: string[] = []) {
  return createUpstream({
    name: 'x',
    concurrency,
    breaker: { failuresMax: 2, openMs: 60_000 },
    onBreaker: (name, state) => states.push(`${name} ${state}`),
  })
}

it('runs no more at once than its limit, in order of arrival', async () => {
  const limiter = createLimiter(2)
  let running = 0
  let most = 0
  const order: number[] = []
  const works = [0, 1, 2, 3, 4, 5].map((n) =>
    limiter.run(async () => {
      running += 1
      most = Math.max(most, running)
      order.push(n)
      await sleep(2)
      running -= 1
    }, never),
  )
  await Promise.all(works)
  expect(most).toBe(2)
  expect(order).toEqual([0, 1, 2, 3, 4, 5])
})

it('gives back the place of a caller who left the queue', async () => {
  const limiter = createLimiter(1)
  const gone = new AbortController()
  const first = limiter.run(() => sleep(20), never)
  const second = limiter.run(async () => 'ran', gone.signal)
  const third = limiter.run(async () => 'ran', never)
  gone.abort()
  await expect(second).rejects.toMatchObject({ code: 'deadline_exceeded' })
  await first
  expect(await third).toBe('ran')
  expect(await limiter.run(async () => 'free', never)).toBe('free')
})

it('settles at the abort even when the work ignores its signal', async () => {
  const lane = upstreamOf().lane(60_000)
  const reason = new QuarryError('deadline_exceeded', 'over')
  const controller = new AbortController()
  const pending = lane(() => new Promise(() => {}), controller.signal)
  controller.abort(reason)
  await expect(pending).rejects.toBe(reason)
})

it('opens for a hanging upstream though every caller is in a hurry', async () => {
  const states: string[] = []
  const lane = upstreamOf(4, states).lane(60)
  const hurried = () => lane(hangs, AbortSignal.timeout(10)).catch((error: unknown) => error)
  await Promise.all([hurried(), hurried()])
  expect(states).toEqual([])
  await sleep(120)
  expect(states).toEqual(['x open'])
  expect(await hurried()).toMatchObject({ details: { reason: 'circuit_open' } })
})

it('does not blame an upstream that answers after a hurried caller has gone', async () => {
  const states: string[] = []
  const lane = upstreamOf(4, states).lane(60_000)
  const slow = () => lane(() => sleep(30, 'fine'), AbortSignal.timeout(5)).catch(() => 'late')
  for (let i = 0; i < 4; i += 1) expect(await slow()).toBe('late')
  await sleep(60)
  expect(states).toEqual([])
})

it('ends the call itself when its caller goes away', async () => {
  const states: string[] = []
  const lane = upstreamOf(4, states).lane(60_000)
  for (let i = 0; i < 3; i += 1) {
    const controller = new AbortController()
    let ended = false
    const pending = lane(async (signal) => {
      signal.addEventListener('abort', () => {
        ended = true
      })
      return await hangs(signal)
    }, controller.signal)
    await sleep(1)
    controller.abort(new Error('client closed the connection'))
    await expect(pending).rejects.toBeInstanceOf(QuarryError)
    expect(ended).toBe(true)
  }
  expect(states).toEqual([])
})

it('keeps one lane from filling another', async () => {
  const upstream = upstreamOf(1)
  const controller = new AbortController()
  const stuck = upstream
    .lane(60_000)(hangs, controller.signal)
    .catch(() => {})
  expect(await upstream.lane(60_000)(async () => 'through', never)).toBe('through')
  controller.abort()
  await stuck
})

it('tries again after retryable errors only, and no more often than allowed', async () => {
  const tries = async (error: unknown, retriesMax = 3) => {
    let count = 0
    const work = () => {
      count += 1
      return Promise.reject(error)
    }
    const options = { retriesMax, waitMsMax: 1_000, backoffMs: 1, signal: never }
    await expect(retrying(work, options)).rejects.toBe(error)
    return count
  }
  expect(await tries(new QuarryError('upstream_failed', 'x'))).toBe(4)
  expect(await tries(new QuarryError('upstream_failed', 'x'), 0)).toBe(1)
  expect(await tries(new QuarryError('invalid_request', 'x'))).toBe(1)
  expect(await tries(new TypeError('x'))).toBe(1)
})

it('waits as long as the upstream asks, unless that is too long', async () => {
  const asking = (retryAfterMs: number) =>
    new QuarryError('rate_limited', 'slow', { details: { retryAfterMs } })
  let count = 0
  const started = performance.now()
  const options = { retriesMax: 3, waitMsMax: 1_000, signal: never, random: () => 0 }
  const result = await retrying(async () => {
    count += 1
    if (count === 1) throw asking(80)
    return 'done'
  }, options)
  expect(result).toBe('done')
  expect(performance.now() - started).toBeGreaterThanOrEqual(79)
  await expect(retrying(() => Promise.reject(asking(1_001)), options)).rejects.toMatchObject({
    code: 'rate_limited',
  })
})

it('stops waiting at the abort', async () => {
  const controller = new AbortController()
  const error = new QuarryError('rate_limited', 'slow', { details: { retryAfterMs: 60_000 } })
  const options = { retriesMax: 3, waitMsMax: 600_000, signal: controller.signal }
  const pending = retrying(() => Promise.reject(error), options)
  setTimeout(() => controller.abort(), 20)
  await expect(pending).rejects.toMatchObject({ code: 'deadline_exceeded' })
})
