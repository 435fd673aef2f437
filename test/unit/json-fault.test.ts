import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { jsonFault } from '../../src/core/json-fault.ts'

function faultOf(text: string): string | null {
  try {
    JSON.parse(text)
    return null
  } catch (cause) {
    return jsonFault(text, cause)
  }
}

describe('jsonFault', () => {
  test.each([
    ['{"a": x}', 'unexpected character at line 1, column 7'],
    ['{\n  "a": 1,\n}', 'unexpected character at line 3, column 1'],
    ['{"a": \'b\'}', 'unexpected character at line 1, column 7'],
    ['[1,\n,2]', 'unexpected character at line 2, column 1'],
    ['[1,]', 'unexpected character at line 1, column 4'],
    ['{"a":}', 'unexpected character at line 1, column 6'],
    ['{"k\\"ey, [": nope}', 'unexpected character at line 1, column 14'],
    ['[truex]', 'unexpected character at line 1, column 6'],
    ['{"a" 1}', 'unexpected character at line 1, column 6'],
    ['hello', 'unexpected character at line 1, column 1'],
    ['', 'it ends too early'],
    ['{"a": [1', 'it ends too early'],
    ['{', 'it ends too early'],
  ])('%j', (text, fault) => {
    expect(faultOf(text)).toBe(fault)
  })

  test('never quotes the text', () => {
    expect(faultOf('{"password": hunter2secret}')).not.toContain('hunter')
  })

  test('a planted character is found where it was planted', () => {
    fc.assert(
      fc.property(
        fc.array(fc.oneof(fc.string(), fc.integer(), fc.boolean()), { minLength: 1 }),
        fc.nat(),
        (items, pick) => {
          const parts = items.map((item) => JSON.stringify(item))
          const at = pick % parts.length
          const text = `[${parts.map((part, index) => (index === at ? `§${part}` : part)).join(',')}]`
          expect(faultOf(text)).toBe(
            `unexpected character at line 1, column ${text.indexOf('§', parts.slice(0, at).join(',').length) + 1}`,
          )
        },
      ),
    )
  })
})
