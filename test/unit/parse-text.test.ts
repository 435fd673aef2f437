import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { detectMediaType } from '../../src/ingest/parse/media-type.ts'
import { decodeText, parseText } from '../../src/ingest/parse/text.ts'
import { blocksOf, bytesOf, CAPS } from '../support/parsing.ts'

describe('bytes to text', () => {
  test('UTF-8, with and without a byte order mark, line ends made one', () => {
    expect(decodeText(bytesOf('a\r\nb\rc\n'))).toBe('a\nb\nc\n')
    expect(decodeText(bytesOf('\ufeffHé 日本'))).toBe('Hé 日本')
    expect(decodeText(new Uint8Array())).toBe('')
  })

  test('UTF-16 by its byte order mark', () => {
    expect(decodeText(Buffer.from('\ufeffHé', 'utf16le'))).toBe('Hé')
    expect(decodeText(Buffer.from('\ufeffHé', 'utf16le').swap16())).toBe('Hé')
    expect(() => decodeText(Buffer.from([0xff, 0xfe, 0x00, 0xd8, 0x41, 0x00]))).toThrow(/UTF-16LE/)
  })

  test.each([
    ['at the start', [0x80, 0x41], 0],
    ['in the middle', [0x41, 0xc3, 0xa9, 0xff, 0x41], 3],
    ['a sequence cut short', [0x41, 0xe6, 0x97], 1],
    ['behind a genuine replacement character', [0xef, 0xbf, 0xbd, 0x41, 0xfe], 4],
    ['behind a byte order mark', [0xef, 0xbb, 0xbf, 0x41, 0xfe], 4],
  ])('invalid UTF-8 %s is refused with its offset', (_name, bytes, offset) => {
    expect(() => decodeText(new Uint8Array(bytes))).toThrow(`offset ${offset})`)
  })

  test('binary is refused as such', () => {
    expect(() => decodeText(bytesOf('abc\0def'))).toThrow(
      /is binary, not text \(a NUL character at position 3\)/,
    )
  })
})

describe('plain text', () => {
  test('stays as it is, in paragraphs', () => {
    const source = '\n one\n two\n \t\n\nthree\n'
    const parsed = parseText(source, CAPS)
    expect(parsed.text).toBe(source)
    expect(blocksOf(parsed)).toEqual([
      ['paragraph', ' one\n two'],
      ['paragraph', 'three'],
    ])
  })

  test('longer than allowed is refused with the limit', () => {
    expect(() => parseText('x'.repeat(100_001), CAPS)).toThrow(/100000 characters/)
  })
})

describe('headings of plain text', () => {
  const prose = 'Catches are landed at the southern mole between four and nine in the morning.'

  test('a short line right above a long one, and the title alone at the top', () => {
    const source = `Fishing\n\nLanding fish \n${prose}\n${prose}\n\nWhere to?\n${prose}\n\nOther words\n\n${prose}`
    const parsed = parseText(source, CAPS)
    expect(parsed.text).toBe(source)
    expect(parsed.title).toBe('Fishing')
    expect(blocksOf(parsed)).toEqual([
      ['heading', 1, 'Fishing'],
      ['heading', 2, 'Landing fish '],
      ['paragraph', `${prose}\n${prose}`],
      ['heading', 2, 'Where to?'],
      ['paragraph', prose],
      ['paragraph', 'Other words'],
      ['paragraph', prose],
    ])
  })

  test.each([
    ['a sentence', `It rains.\n${prose}`],
    ['a salutation', `Dear Mr Holm,\n${prose}`],
    ['what introduces a list', `You need:\n${prose}`],
    ['a list', `- Rope\n- ${prose}`],
    ['the end of a line', `and so on\n${prose}`],
    ['an indented line', `  Rope\n${prose}`],
    ['columns', `Name  Age\n${prose}`],
    ['columns by tabs', `Name\tAge\n${prose}`],
    ['code', `Main() {\n${prose}`],
    ['an address', 'Ann Holm\n12 Harbour Street\n1234 Skarholm'],
    [
      'a verse',
      'Tyger Tyger, burning bright\nIn the forests of the night\nWhat immortal hand or eye',
    ],
    ['a long line', `${prose.slice(0, 61)}x\n${prose}`],
    ['a line alone', 'Fishing'],
  ])('%s is none', (_name, source) => {
    const parsed = parseText(source, CAPS)
    expect(blocksOf(parsed)).toEqual([['paragraph', source]])
    expect(parsed.title).toBeNull()
  })

  test('whatever the lines, blocks cover all but white space, in order', () => {
    const line = fc.constantFrom('', ' ', 'Heading', 'Short.', ' x', prose, '日本語', '\t')
    fc.assert(
      fc.property(fc.array(line, { maxLength: 20 }), (lines) => {
        const source = lines.join('\n')
        const { text, blocks } = parseText(source, CAPS)
        expect(text).toBe(source)
        let end = 0
        for (const block of [...blocks, { start: text.length, end: text.length }]) {
          expect(text.slice(end, block.start).trim()).toBe('')
          expect(block.start).toBeGreaterThanOrEqual(end)
          end = block.end
        }
        for (const { start, end: to } of blocks) expect(text.slice(start, to).trim()).not.toBe('')
      }),
      { numRuns: 500 },
    )
  })
})

describe('media types', () => {
  test.each([
    ['a.md', '# x', 'text/markdown'],
    ['A.HTML', 'x', 'text/html'],
    ['a.ndjson', '{}', 'application/jsonl'],
    ['a.json', '{}', 'application/json'],
    ['a.pdf', '%PDF-1.4', 'application/pdf'],
    ['a.txt', '%PDF-1.7 named wrongly', 'application/pdf'],
    ['README', 'plain words', 'text/plain'],
    ['page', '\ufeff\n<!DOCTYPE html><p>', 'text/html'],
    ['data', '{"a": 1}', 'application/json'],
    ['note', '[see below] for more', 'text/plain'],
    ['main.ts', 'export {}', 'text/plain'],
  ])('%s holding %j is %s', (name, content, expected) => {
    expect(detectMediaType(name, bytesOf(content))).toBe(expected)
  })

  test.each([
    [
      'a.docx',
      'PK\x03\x04rest',
      /"a\.docx" cannot be read: it is a ZIP archive or an Office document/,
    ],
    ['a.bin', 'ab\0c', /it is binary/],
  ])('%s is unsupported', (name, content, message) => {
    expect(() => detectMediaType(name, bytesOf(content))).toThrow(message)
  })
})
