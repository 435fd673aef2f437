/**
 * What a reader cannot see and a model can: zero-width and bidirectional marks, tag characters, variation selectors,
 * private use, controls but line break and tab, lone surrogates. Instructions are smuggled in them.
 */
const INVISIBLE = String.raw`\0-\x08\x0b-\x1f\x7f-\x9f\p{Co}\p{Cs}\p{Default_Ignorable_Code_Point}\p{Bidi_Control}\p{Noncharacter_Code_Point}\ufff9-\ufffb`

const EACH_INVISIBLE = new RegExp(`[${INVISIBLE}]`, 'gu')
const ONE_VISIBLE = new RegExp(String.raw`[^\s${INVISIBLE}]`, 'u')

const BEYOND_ASCII = /[^\t\n -~]+/g

/** The Basic Multilingual Plane beyond ASCII without the invisible, line separators and surrogates. */
const VISIBLE = String.raw`\xa0-\xac\xae-\u034e\u0350-\u061b\u061d-\u115e\u1161-\u17b3\u17b6-\u180a\u1810-\u200a\u2010-\u2027\u202f-\u205f\u2070-\u3163\u3165-\ud7ff\uf900-\ufdcf\ufdf0-\ufdff\ufe10-\ufefe\uff00-\uff9f\uffa1-\uffef\ufffc\ufffd`
const ALL_VISIBLE = new RegExp(`^[${VISIBLE}]*$`)

export function visibleText(text: string): string {
  if (isVisible(text)) return text
  return text.replace(/[\u2028\u2029]/g, '\n').replace(EACH_INVISIBLE, '')
}

/** False also for some text that is: most passages are seen to be visible at a tenth of a replacement's cost. */
function isVisible(text: string): boolean {
  const beyond = text.match(BEYOND_ASCII)
  return beyond === null || ALL_VISIBLE.test(beyond.join(''))
}

/** Nothing is left of it but white space once the invisible is gone. */
export function isBlank(text: string): boolean {
  return !ONE_VISIBLE.test(text)
}
