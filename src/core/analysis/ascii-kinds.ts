/** What each ASCII character is to an analyzer; 0 for those that are in no term, and so part what stands around them. */
export type AsciiKinds = Uint8Array

const ASCII_END = 0x80

export function asciiKinds(
  kinds: readonly (readonly [characters: string, kind: number])[],
): AsciiKinds {
  const table = new Uint8Array(ASCII_END)
  for (const [characters, kind] of kinds)
    for (const character of characters) table[character.charCodeAt(0)] = kind
  return table
}

/** 0 also behind the text; undefined beyond ASCII. */
export function kindAt(kinds: AsciiKinds, text: string, at: number): number | undefined {
  if (at >= text.length) return 0
  const code = text.charCodeAt(at)
  return code < ASCII_END ? kinds[code] : undefined
}

/** Where the stretch of characters in terms ends, or -1 where it is longer than that or has others than ASCII's. */
export function plainEnd(kinds: AsciiKinds, text: string, from: number, max: number): number {
  for (let at = from; at <= from + max; at++) {
    const kind = kindAt(kinds, text, at)
    if (kind === 0) return at
    if (kind === undefined) return -1
  }
  return -1
}

/**
 * Where ends what is best left to a pattern from there on: behind what parts it from an ASCII character, so that a text
 * in another script is matched in one go.
 */
export function patternEnd(kinds: AsciiKinds, text: string, from: number): number {
  for (let at = from; ; ) {
    while (kindAt(kinds, text, at) !== 0) at++
    while (at < text.length && kindAt(kinds, text, at) === 0) at++
    if (at === text.length || kindAt(kinds, text, at) !== undefined) return at
  }
}
