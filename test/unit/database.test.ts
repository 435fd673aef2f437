import { describe, expect, test } from 'vitest'
import { describeFailure, sqlState } from '../../src/catalog/database/database-errors.ts'
import { createTurns } from '../../src/catalog/database/pglite/turns.ts'
import { QuarryError } from '../../src/core/errors.ts'

describe('what a database error means', () => {
  const failure = (code: string) => Object.assign(new Error('text'), { code })

  test.each([
    ['53100', 'unavailable', true],
    ['53300', 'unavailable', true],
    ['57014', 'deadline_exceeded', true],
    ['57P01', 'unavailable', true],
    ['08006', 'unavailable', true],
    ['40001', 'unavailable', true],
    ['40P01', 'unavailable', true],
    ['ECONNRESET', 'unavailable', true],
    ['23505', 'internal', false],
    ['42P01', 'internal', false],
  ])('%s is %s', (code, expected, retryable) => {
    const described = describeFailure(failure(code))
    expect(described).toMatchObject({ code: expected, retryable })
  })

  test('a full disk says so', () => {
    expect(describeFailure(failure('53100')).message).toMatch(/disk is full/)
  })

  test('the SQLSTATE stays readable through the cause, and our own errors pass', () => {
    expect(sqlState(describeFailure(failure('23505')))).toBe('23505')
    expect(sqlState(failure('ECONNRESET'))).toBeUndefined()
    const own = new QuarryError('conflict', 'own')
    expect(describeFailure(own)).toBe(own)
  })

  test('a lost connection has no code, only words', () => {
    const lost = describeFailure(new Error('Connection terminated unexpectedly'))
    expect(lost.code).toBe('unavailable')
    expect(describeFailure(new TypeError('a bug')).code).toBe('internal')
  })
})

describe('turns', () => {
  test('are one at a time, in the order of asking; an ended turn ends once', async () => {
    const turns = createTurns(10_000)
    const order: number[] = []
    const first = await turns.take()
    const others = [1, 2, 3].map(async (n) => {
      const turn = await turns.take()
      order.push(n)
      turn.end()
      turn.end()
    })
    await Promise.resolve()
    expect(order).toEqual([])
    first.end()
    await Promise.all(others)
    expect(order).toEqual([1, 2, 3])
  })

  test('a place in the queue is given up at the signal and after the wait', async () => {
    const turns = createTurns(30)
    const first = await turns.take()
    const controller = new AbortController()
    const aborted = turns.take(controller.signal)
    const reason = new Error('enough')
    controller.abort(reason)
    await expect(aborted).rejects.toBe(reason)
    await expect(turns.take()).rejects.toMatchObject({ code: 'unavailable' })
    first.end()
    const next = await turns.take()
    next.end()
  })
})
