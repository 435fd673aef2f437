import { describe, expect, test } from 'vitest'
import { parseJson, parseJsonLines } from '../../src/ingest/parse/json.ts'
import { blocksOf, CAPS } from '../support/parsing.ts'

describe('JSON', () => {
  test('is flattened into lines that read, in the order written', () => {
    const source = `{"title": "Order 7", "10": true, "2": 12345678901234567890, "price": 1.50, "tags": ["a", "b", 3],
      "none": null, "empty": [], "to": {"name": "Ann \\"A\\"", "at": {"city": "Rome"}}}`
    const parsed = parseJson(source, CAPS)
    expect(parsed.text).toBe(
      'title: Order 7\n10: true\n2: 12345678901234567890\nprice: 1.50\ntags: a, b, 3\nto › name: Ann "A"\nto › at › city: Rome',
    )
    expect(parsed.title).toBe('Order 7')
  })

  test('each object of an array is a block', () => {
    expect(blocksOf(parseJson('[{"a":1,"b":"x"},{"a":2}]', CAPS))).toEqual([
      ['paragraph', 'a: 1\nb: x'],
      ['paragraph', 'a: 2'],
    ])
    expect(blocksOf(parseJson('{"name":"n","items":[{"a":1},5,{"a":2}],"end":0}', CAPS))).toEqual([
      ['paragraph', 'name: n'],
      ['paragraph', 'items › a: 1'],
      ['paragraph', 'items: 5'],
      ['paragraph', 'items › a: 2'],
      ['paragraph', 'end: 0'],
    ])
  })

  test.each([
    ['"just text"', 'just text'],
    [' 12 ', '12'],
    ['null', ''],
    ['[]', ''],
    ['{}', ''],
    ['[[1,2],[3]]', '1, 2\n3'],
    ['{"a\\u0000b":"\\ud800"}', 'a\ufffdb: \ufffd'],
  ])('%s reads %j', (source, text) => {
    expect(parseJson(source, CAPS).text).toBe(text)
  })

  test('a fault is named by its place, without quoting the document', () => {
    expect(() => parseJson('{\n "a": 1,\n secret }', CAPS)).toThrow(
      'The document is not valid JSON: unexpected character at line 3, column 2.',
    )
    expect(() => parseJson('', CAPS)).toThrow(/ends too early/)
  })

  test('depth and length are bounded', () => {
    expect(() => parseJson('['.repeat(600) + ']'.repeat(600), CAPS)).toThrow(
      /nests JSON deeper than the 512/,
    )
    const key = 'k'.repeat(2_000)
    const members = Array.from({ length: 100 }, (_, n) => `"${n}":1`).join()
    expect(() => parseJson(`{"${key}":{${members}}}`, CAPS)).toThrow(/100000 characters/)
  })
})

describe('JSONL', () => {
  test('one block a line, blank lines skipped', () => {
    expect(blocksOf(parseJsonLines('{"a":1}\n\n{"b":[{"c":2},{"c":3}]}\n"x"', CAPS))).toEqual([
      ['paragraph', 'a: 1'],
      ['paragraph', 'b › c: 2\nb › c: 3'],
      ['paragraph', 'x'],
    ])
  })

  test('a bad line is named by its number', () => {
    expect(() => parseJsonLines('{"a":1}\n\n{"b":', CAPS)).toThrow(
      'The document is not valid JSON in line 3: it ends too early.',
    )
  })

  test('a line beyond the limit is named with both lengths', () => {
    expect(() => parseJsonLines(`1\n"${'x'.repeat(10_000)}"`, CAPS)).toThrow(
      /has 10002 characters in line 2; a line may have 10000/,
    )
  })
})
