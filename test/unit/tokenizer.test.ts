import fc from 'fast-check'
import { encode } from 'gpt-tokenizer/encoding/o200k_base'
import { describe, expect, test } from 'vitest'
import { cutLongRuns } from '../../src/tokenizer/long-runs.ts'
import { openTokenizer } from '../../src/tokenizer/o200k.ts'
import { cutAtSeams } from '../../src/tokenizer/seams.ts'

const exact = (text: string): number => encode(text, { disallowedSpecial: new Set() }).length

describe('o200k_base', () => {
  test('counts as the encoding does', async () => {
    const tokenizer = await openTokenizer()
    expect(tokenizer.name).toBe('o200k_base')
    expect(tokenizer.count('')).toBe(0)
    expect(tokenizer.count('hello world')).toBe(2)
    const prose =
      'The quick brown fox; “jumped” over 12,345 lazy dogs.\n\n日本語の文章です。\tไทย 👩‍👩‍👧 '
    expect(tokenizer.count(prose.repeat(50))).toBe(exact(prose.repeat(50)))
  })

  test('any text without a very long run is counted exactly', async () => {
    const tokenizer = await openTokenizer()
    const words = fc.array(fc.string({ unit: 'binary', maxLength: 60 }), { maxLength: 30 })
    fc.assert(
      fc.property(words, (parts) => {
        const text = parts.join(' x1 ')
        expect(tokenizer.count(text)).toBe(exact(text))
      }),
    )
  })

  test('numbers are counted as the encoding does', async () => {
    const tokenizer = await openTokenizer()
    const upTo = (digits: number) =>
      Array.from({ length: 10 ** digits }, (_, n) => String(n).padStart(digits, '0'))
    for (const number of [...upTo(1), ...upTo(2), ...upTo(3)]) expect(exact(number)).toBe(1)
    const numbers = fc.string({ unit: fc.constantFrom(...upTo(1)), minLength: 1, maxLength: 90 })
    fc.assert(
      fc.property(numbers, (number) => {
        expect(tokenizer.count(number)).toBe(exact(number))
      }),
    )
  })

  test('special tokens in text are text', async () => {
    const tokenizer = await openTokenizer()
    expect(tokenizer.count('a <|endoftext|> b <|im_start|>')).toBeGreaterThan(8)
  })

  test('is opened once', () => {
    expect(openTokenizer()).toBe(openTokenizer())
  })

  test.each([
    ['letters', 'a'],
    ['random letters', 'qzjxkvbwpy'],
    ['capitals', 'A'],
    ['dashes', '-'],
    ['spaces', ' '],
    ['line breaks', '\n'],
    ['slashes and breaks', '/\n'],
    ['a mark before breaks', '!\n/'],
    ['emoji', '😀'],
    ['Thai', 'กขคงจฉชซ'],
    ['combining marks', 'e\u0301\u0301'],
  ])('200 kB of %s does not hang', async (_name, unit) => {
    const tokenizer = await openTokenizer()
    const text = unit.repeat(Math.ceil(200_000 / unit.length))
    const startedAt = performance.now()
    expect(tokenizer.count(text)).toBeGreaterThan(100)
    expect(performance.now() - startedAt).toBeLessThan(5_000)
  })

  test('cuts tile the text and never part a surrogate pair', () => {
    const units = fc.constantFrom('a', ' ', '\n', '/', '😀', 'é', '1', '-')
    const runs = fc.array(fc.tuple(units, fc.integer({ min: 1, max: 700 })), { maxLength: 8 })
    fc.assert(
      fc.property(runs, (list) => {
        const text = list.map(([unit, count]) => unit.repeat(count)).join('')
        const parts = cutLongRuns(text)
        expect(parts.join('')).toBe(text)
        for (const part of parts) expect(part).not.toMatch(/\p{Cs}/u)
        if (parts.length > 1) expect(parts.every((part) => part.length > 0)).toBe(true)
      }),
    )
  })

  test('counts of pieces cut at seams add up, whatever the text', async () => {
    const tokenizer = await openTokenizer()
    const words = fc.constantFrom(
      'Word',
      "don't",
      'x’s',
      ' ',
      '  ',
      '\n',
      '\n\n',
      '\r\n',
      '/',
      '。',
      '日本語',
      'e\u0301',
      '-',
      '12',
      '\t',
      '😀',
      '𝒳',
      '\u200d',
      '\ud800',
      '<',
      '.',
    )
    const text = fc.oneof(
      fc.array(words, { maxLength: 60 }).map((parts) => parts.join('')),
      fc.string({ unit: 'binary', maxLength: 300 }),
      fc
        .array(fc.tuple(words, fc.integer({ min: 1, max: 300 })), { maxLength: 6 })
        .map((runs) => runs.map(([unit, count]) => unit.repeat(count)).join('')),
    )
    fc.assert(
      fc.property(text, fc.integer({ min: 1, max: 40 }), (whole, chars) => {
        const pieces = [...cutAtSeams(whole, chars)]
        expect(pieces.join('')).toBe(whole)
        const sum = pieces.reduce((tokens, piece) => tokens + tokenizer.count(piece), 0)
        expect(sum).toBe(tokenizer.count(whole))
      }),
      { numRuns: 2_000 },
    )
  })

  test('ordinary text is cut into pieces of about the length asked for', () => {
    for (const sentence of [
      'The quick brown fox jumps. ',
      '日本語の文章です。次の文です、',
      'const x = {a: [1,2]};',
    ]) {
      const pieces = [...cutAtSeams(sentence.repeat(500), 100)]
      expect(Math.max(...pieces.map(({ length }) => length))).toBeLessThan(130)
    }
  })
})
