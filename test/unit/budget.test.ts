import { describe, expect, it } from 'vitest'
import { Budget } from '../../src/core/budget.ts'
import { hanging } from '../support/faults.ts'

const timers = () => process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length

describe('a budget', () => {
  it('counts down on its clock, and a child ends with its cap, its reserve or its parent', () => {
    let nowMs = 1_000
    const budget = Budget.start(100, { clock: () => nowMs })
    nowMs += 40
    expect(budget.remainingMs()).toBe(60)
    expect(budget.child({ capMs: 10 }).remainingMs()).toBe(10)
    expect(budget.child({ capMs: 90 }).remainingMs()).toBe(60)
    expect(budget.child({ reserveMs: 45 }).remainingMs()).toBe(15)
    expect(budget.child({ reserveMs: 80 }).remainingMs()).toBe(0)
    nowMs += 100
    expect(budget.remainingMs()).toBe(0)
  })

  it('rejects at the deadline even when the work ignores its signal, and aborts it', async () => {
    let seen: AbortSignal | undefined
    const late = Budget.start(20).run((signal) => {
      seen = signal
      return hanging()
    })
    await expect(late).rejects.toMatchObject({ code: 'deadline_exceeded' })
    expect(seen?.aborted).toBe(true)
  })
  it('rejects with the deadline, not with what the work makes of its abort', async () => {
    const late = Budget.start(10).run(
      (signal) =>
        new Promise((_resolve, reject) => {
          signal.addEventListener('abort', () => reject(new Error('socket hang up')))
        }),
    )
    await expect(late).rejects.toMatchObject({ code: 'deadline_exceeded' })
  })
  it('starts nothing when no time is left or the caller is gone', async () => {
    const work = async () => {
      throw new TypeError('started')
    }
    await expect(Budget.start(0).run(work)).rejects.toMatchObject({ code: 'deadline_exceeded' })
    const gone = { signal: AbortSignal.abort(new Error('gone')) }
    await expect(Budget.start(100, gone).run(work)).rejects.toThrow('gone')
  })
  it('gives notice for work that can hand over what it has', async () => {
    const part = Budget.start(200).run(
      (signal) =>
        new Promise<string>((resolve) => {
          signal.addEventListener('abort', () => resolve('half'))
        }),
      150,
    )
    expect(await part).toBe('half')
  })
  it('ends with any of its parents, of whom no other holds a signal', async () => {
    const caller = new AbortController()
    const own = new AbortController()
    const budget = Budget.start(5_000, { signal: caller.signal }).child({ signal: own.signal })
    const ended = budget.run(hanging)
    // What Node 20 does to the outcome of `AbortSignal.any` when nothing else keeps it.
    globalThis.gc?.()
    own.abort(new Error('own'))
    await expect(ended).rejects.toThrow('own')
    const again = Budget.start(5_000, { signal: caller.signal }).child({}).run(hanging)
    caller.abort(new Error('caller'))
    await expect(again).rejects.toThrow('caller')
  })
  it('hands out a signal that many may listen to without a warning', async () => {
    const warnings: Error[] = []
    const note = (warning: Error): void => void warnings.push(warning)
    process.on('warning', note)
    await Budget.start(1_000).run(async (signal) => {
      for (let at = 0; at < 20; at += 1) signal.addEventListener('abort', () => at)
    })
    await new Promise((resolve) => setTimeout(resolve, 5))
    process.off('warning', note)
    expect(warnings).toEqual([])
  })
  it('leaves neither timer nor listener behind', async () => {
    const caller = new AbortController()
    let listeners = 0
    const { signal } = caller
    const add = signal.addEventListener.bind(signal)
    const remove = signal.removeEventListener.bind(signal)
    signal.addEventListener = (...args: Parameters<typeof add>) => {
      listeners += 1
      add(...args)
    }
    signal.removeEventListener = (...args: Parameters<typeof remove>) => {
      listeners -= 1
      remove(...args)
    }
    const before = timers()
    const budget = Budget.start(60_000, { signal })
    await budget.run(async () => {}, 1_000)
    await budget.run(() => Promise.reject(new Error('x'))).catch(() => {})
    expect(timers()).toBe(before)
    expect(listeners).toBe(0)
  })
})

describe('parts run together', () => {
  it('give their answers in order', async () => {
    const got = await Budget.start(1_000).together([async () => 1, async () => 2])
    expect(got).toEqual([1, 2])
  })
  it('end with the first failure, which aborts the others', async () => {
    let reason: unknown
    const failure = new TypeError('bug')
    const together = Budget.start(60_000).together([
      (budget) =>
        budget.run((signal) => {
          signal.addEventListener('abort', () => {
            reason = signal.reason
          })
          return hanging()
        }),
      () => Promise.reject(failure),
    ])
    await expect(together).rejects.toBe(failure)
    expect(reason).toBe(failure)
  })
  it('end with their caller too', async () => {
    const caller = new AbortController()
    const together = Budget.start(60_000, { signal: caller.signal }).together([
      (budget) => budget.run(hanging),
    ])
    caller.abort(new Error('gone'))
    await expect(together).rejects.toThrow('gone')
  })
})
