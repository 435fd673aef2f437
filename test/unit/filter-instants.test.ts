import { expect, it } from 'vitest'
import { instantOf } from '../../src/core/filter.ts'

it.each([
  ['2024-02-29', Date.UTC(2024, 1, 29)],
  ['2000-02-29', Date.UTC(2000, 1, 29)],
  ['2024-04-30', Date.UTC(2024, 3, 30)],
  ['2024-12-31', Date.UTC(2024, 11, 31)],
  ['2024-02-29T01:30:00+02:00', Date.UTC(2024, 1, 28, 23, 30)],
])('%s is an instant', (text, ms) => {
  expect(instantOf(text)).toBe(ms)
})

it.each([
  '2023-02-29',
  '1900-02-29',
  '2024-02-30',
  '2024-04-31',
  '2024-00-10',
  '2024-01-00',
  '2024-02-29T24:00:00Z',
  '2024-02-29T01:30:00',
  '2024-2-9',
  '',
  20_240_229,
])('%s is none', (value) => {
  expect(instantOf(value)).toBeUndefined()
})
