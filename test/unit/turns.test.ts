import { expect, it } from 'vitest'
import { isBackgroundTurnOver, isTurnOver, nextTurn } from '../../src/core/turns.ts'
import { unending } from '../../src/core/unending.ts'

/** Works in steps until it has had so many turns; gives how many steps each of them held. */
async function work(name: string, turns: number, log: string[]): Promise<void> {
  for (let turn = 0; turn < turns; turn += 1) {
    log.push(name)
    while (!isTurnOver());
    await nextTurn(unending)
  }
}

it('goes round among those who wait, so that none takes the time of the others', async () => {
  const log: string[] = []
  await Promise.all([work('a', 8, log), work('b', 8, log), work('c', 8, log)])
  const rounds = Array.from({ length: 7 }, (_, i) => log.slice(3 + 3 * i, 6 + 3 * i).toSorted())
  for (const round of rounds) expect(round).toEqual(['a', 'b', 'c'])
})

it('gives whoever is resumed a turn that has time left', async () => {
  const busy = work('busy', 6, [])
  for (let i = 0; i < 4; i += 1) {
    while (!isTurnOver());
    await nextTurn(unending)
    expect(isTurnOver()).toBe(false)
  }
  await busy
})

it('leaves the time of writes to whoever else waits', async () => {
  const spentMs = async (isOver: () => boolean, turns: number): Promise<number> => {
    let spent = 0
    for (let turn = 0; turn < turns; turn += 1) {
      const startedMs = performance.now()
      while (!isOver());
      spent += performance.now() - startedMs
      await nextTurn(unending)
    }
    return spent / turns
  }
  await nextTurn(unending)
  const alone = await spentMs(isBackgroundTurnOver, 8)
  const [writing, searching] = await Promise.all([
    spentMs(isBackgroundTurnOver, 8),
    spentMs(isTurnOver, 8),
  ])
  expect(writing).toBeLessThan(searching / 2)
  expect(alone).toBeGreaterThan(writing)
})

it('lets timers and callbacks in between two turns', async () => {
  let ticks = 0
  const timer = setInterval(() => {
    ticks += 1
  }, 1)
  await work('a', 6, [])
  clearInterval(timer)
  expect(ticks).toBeGreaterThanOrEqual(3)
})

it('rejects with the reason of its signal', async () => {
  const aborted = AbortSignal.abort(new Error('no longer wanted'))
  await expect(nextTurn(aborted)).rejects.toThrow('no longer wanted')
})
