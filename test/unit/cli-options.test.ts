import { describe, expect, test } from 'vitest'
import { futureTime, httpUrl, jsonObject, wholeNumber } from '../../bin/options.ts'
import { duration, progressText, table, wrap } from '../../bin/terminal.ts'

describe('options', () => {
  test('whole numbers inside their bounds and nothing else', () => {
    const parse = wholeNumber({ min: 1, max: 200 })
    expect(parse('200')).toBe(200)
    for (const text of ['0', '201', '-1', '1.5', '1e2', '0x10', ' 5', '', 'five', '9'.repeat(30)])
      expect(() => parse(text), text).toThrow('It must be a whole number from 1 to 200.')
  })

  test('JSON objects, and the place of what is wrong', () => {
    expect(jsonObject('{"must":[]}')).toEqual({ must: [] })
    expect(() => jsonObject('{"must": [x]}')).toThrow('unexpected character at line 1, column 11')
    expect(() => jsonObject('[]')).toThrow('It must be a JSON object.')
  })

  test('days and times to come, in UTC', () => {
    expect(futureTime('2999-01-31')).toBe('2999-01-31T00:00:00.000Z')
    expect(futureTime('2999-01-31T12:00:00+02:00')).toBe('2999-01-31T10:00:00.000Z')
    for (const text of ['2999-13-01', '2999-01-31 12:00', '2999-01-31T12:00', 'tomorrow', '2999'])
      expect(() => futureTime(text), text).toThrow('It must be like')
    expect(() => futureTime('2001-01-01')).toThrow('in the past')
  })

  test('addresses of services', () => {
    expect(httpUrl('https://q.example/base')).toBe('https://q.example/base')
    for (const text of ['localhost:7700', 'ftp://x', 'x'])
      expect(() => httpUrl(text), text).toThrow('It must be like http://')
  })
})

describe('the terminal', () => {
  test('progress shows a rate, and the time left once the whole is known', () => {
    const known = progressText({ done: 50, share: 0.25, note: '1 failed' }, 10)
    expect(known).toMatch(/^█{6}░{18} {2}50 documents {2}5\/s {2}30 s left {2}1 failed$/)
    expect(progressText({ done: 50, share: null }, 10)).toBe('50 documents  5/s')
    expect(progressText({ done: 0, share: 0 }, 0)).toContain('0 documents  0/s')
  })

  test('durations never say 60 seconds or 60 minutes', () => {
    expect(duration(59.2)).toBe('1 min 0 s')
    expect(duration(119.7)).toBe('2 min 0 s')
    expect(duration(3599.9)).toBe('1 h 0 min')
    expect(duration(5400)).toBe('1 h 30 min')
  })

  test('tables and wrapped text', () => {
    expect(
      table([
        ['a', 'b'],
        ['long', 'c'],
      ]),
    ).toBe('a     b\nlong  c')
    expect(wrap('one two  three', 9, ' ')).toBe(' one two\n three')
  })
})
