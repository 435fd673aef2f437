import { describe, expect, test } from 'vitest'
import { backoffMs, createWake } from '../../src/core/wake.ts'

const never = new AbortController().signal

describe('a wake', () => {
  test('ends a sleep at the ring', async () => {
    const wake = createWake()
    const slept = wake.sleep(60_000, never)
    wake.ring()
    await slept
  })

  test('keeps one ring that came before the sleep, and only one', async () => {
    const wake = createWake()
    wake.ring()
    wake.ring()
    await wake.sleep(60_000, never)
    let woke = false
    const second = wake.sleep(60_000, never).then(() => {
      woke = true
    })
    await new Promise((resolve) => setTimeout(resolve, 20))
    expect(woke).toBe(false)
    wake.ring()
    await second
  })

  test('ends a sleep when the time is up and at the abort', async () => {
    const wake = createWake()
    await wake.sleep(1, never)
    const closing = new AbortController()
    const slept = wake.sleep(60_000, closing.signal)
    closing.abort()
    await slept
    await wake.sleep(60_000, closing.signal)
  })

  test('adds no listener to a long-lived signal for each sleep', async () => {
    const closing = new AbortController()
    let listeners = 0
    const signal = new Proxy(closing.signal, {
      get(target, name) {
        if (name === 'addEventListener') {
          return (...args: Parameters<AbortSignal['addEventListener']>) => {
            listeners += 1
            target.addEventListener(...args)
          }
        }
        if (name === 'removeEventListener') {
          return (...args: Parameters<AbortSignal['removeEventListener']>) => {
            listeners -= 1
            target.removeEventListener(...args)
          }
        }
        return Reflect.get(target, name, target)
      },
    })
    const wake = createWake()
    for (let i = 0; i < 5; i++) await wake.sleep(0, signal)
    expect(listeners).toBe(0)
  })
})

test('backoff doubles from the first pause up to the most', () => {
  expect([1, 2, 3, 4, 5, 50].map((n) => backoffMs(n, 100, 1_000))).toEqual([
    100, 200, 400, 800, 1_000, 1_000,
  ])
})
