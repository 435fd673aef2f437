import { expect, test } from 'vitest'
import { visibleText } from '../../src/core/visible-text.ts'

const PROPERTIES = String.raw`\0-\x08\x0b-\x1f\x7f-\x9f\p{Co}\p{Cs}\p{Default_Ignorable_Code_Point}\p{Bidi_Control}\p{Noncharacter_Code_Point}\ufff9-\ufffb`
const INVISIBLE = new RegExp(`[${PROPERTIES}]`, 'u')

test('every code unit between two letters is kept, removed or made a line break as its properties say', () => {
  const wrong: string[] = []
  for (let unit = 0; unit <= 0xffff; unit += 1) {
    const char = String.fromCharCode(unit)
    const shown = /[\u2028\u2029]/.test(char) ? '\n' : INVISIBLE.test(char) ? '' : char
    if (visibleText(`a${char}b`) !== `a${shown}b`) wrong.push(unit.toString(16))
  }
  expect(wrong).toEqual([])
})

test('characters above the first plane: emoji stay, tags and private use go', () => {
  expect(visibleText('é 👩 \u{e0041}\u{f0000}東')).toBe('é 👩 東')
})
