import { expect, it } from 'vitest'
import { abandoned, type BreakerState, createBreaker } from '../../adapters/breaker.ts'
import { QuarryError } from '../../src/core/errors.ts'

function subject() {
  let now = 0
  const states: BreakerState[] = []
  const breaker = createBreaker({
    name: 'x',
    failuresMax: 3,
    openMs: 100,
    clock: () => now,
    onState: (state) => states.push(state),
  })
  const fails = (error: unknown) =>
    breaker.run(() => Promise.reject(error)).catch((reason: unknown) => reason)
  return {
    breaker,
    states,
    fails,
    wait: (ms: number) => {
      now += ms
    },
  }
}

const down = new QuarryError('upstream_failed', 'down')

it('opens after so many failures in a row and then rejects without calling', async () => {
  const { breaker, states, fails } = subject()
  for (let i = 0; i < 3; i += 1) expect(await fails(down)).toBe(down)
  expect(states).toEqual(['open'])
  let called = false
  const pending = breaker.run(async () => {
    called = true
  })
  await expect(pending).rejects.toMatchObject({
    code: 'unavailable',
    retryable: true,
    details: { reason: 'circuit_open', retryAfterMs: 100 },
  })
  expect(called).toBe(false)
})

it('is reset by a success in between', async () => {
  const { breaker, states, fails } = subject()
  await fails(down)
  await fails(down)
  await breaker.run(async () => 1)
  await fails(down)
  await fails(down)
  expect(states).toEqual([])
})

it.each([
  ['a refused input', new QuarryError('invalid_request', 'bad')],
  ['a rate limit', new QuarryError('rate_limited', 'slow')],
  ['wrong credentials', new QuarryError('upstream_failed', 'no', { retryable: false })],
  ['a caller who left', abandoned()],
  ['a bug of ours', new TypeError('x')],
])('is not opened by %s', async (_name, error) => {
  const { states, fails } = subject()
  for (let i = 0; i < 9; i += 1) expect(await fails(error)).toBe(error)
  expect(states).toEqual([])
})

it('lets a single call probe once the pause is over', async () => {
  const { breaker, states, fails, wait } = subject()
  for (let i = 0; i < 3; i += 1) await fails(down)
  wait(100)
  let answer: () => void = () => {}
  const probe = breaker.run(
    () =>
      new Promise<void>((resolve) => {
        answer = resolve
      }),
  )
  expect(breaker.state()).toBe('half_open')
  await expect(breaker.run(async () => 1)).rejects.toMatchObject({ code: 'unavailable' })
  answer()
  await probe
  expect(states).toEqual(['open', 'half_open', 'closed'])
  expect(await breaker.run(async () => 1)).toBe(1)
})

it('opens again for a whole pause when the probe fails', async () => {
  const { breaker, fails, wait } = subject()
  for (let i = 0; i < 3; i += 1) await fails(down)
  wait(150)
  await fails(down)
  wait(99)
  expect(breaker.refusal()).toMatchObject({ details: { retryAfterMs: 1 } })
  wait(1)
  expect(breaker.refusal()).toBeNull()
})

it('lets the next call probe when the prober left before the answer', async () => {
  const { breaker, states, fails, wait } = subject()
  for (let i = 0; i < 3; i += 1) await fails(down)
  wait(100)
  await fails(abandoned())
  expect(await breaker.run(async () => 1)).toBe(1)
  expect(states.at(-1)).toBe('closed')
})

it('is not kept open by calls that began before it opened', async () => {
  const { breaker, fails, wait } = subject()
  let fail: (error: unknown) => void = () => {}
  const straggler = breaker
    .run(
      () =>
        new Promise((_resolve, reject) => {
          fail = reject
        }),
    )
    .catch(() => {})
  for (let i = 0; i < 3; i += 1) await fails(down)
  wait(90)
  fail(down)
  await straggler
  wait(10)
  expect(breaker.refusal()).toBeNull()
})
