/**
 * What a reader cannot see and a model can: zero-width and bidirectional marks, tag characters, variation selectors,
 * private use, controls but line break and tab, lone surrogates. Instructions are smuggled in them.
 */
const INVISIBLE =
  /(?![\n\t])[\p{Cc}\p{Co}\p{Cs}\p{Default_Ignorable_Code_Point}\p{Bidi_Control}\p{Noncharacter_Code_Point}\ufff9-\ufffb]/gu

export function visibleText(text: string): string {
  return text.replace(/[\u2028\u2029]/g, '\n').replace(INVISIBLE, '')
}
