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

/**
 * Visits what stands between characters that are in no term, in order: stretches of at most `plainMax` characters of
 * ASCII by themselves, and what is best left to a pattern together with all up to the next stretch that begins in ASCII,
 * so that a text in another script is matched in one go.
 */
export function eachStretch(
  kinds: AsciiKinds,
  text: string,
  plainMax: number,
  visit: (from: number, to: number, isPlain: boolean) => void,
): void {
  for (let at = 0; at < text.length; ) {
    if (kindAt(kinds, text, at) === 0) {
      at++
      continue
    }
    const plain = plainEnd(kinds, text, at, plainMax)
    const end = plain === -1 ? patternEnd(kinds, text, at) : plain
    visit(at, end, plain !== -1)
    at = end
  }
}

/** Where the stretch ends, or -1 where it is longer than that or has others than ASCII's characters. */
function plainEnd(kinds: AsciiKinds, text: string, from: number, max: number): number {
  for (let at = from; at <= from + max; at++) {
    const kind = kindAt(kinds, text, at)
    if (kind === 0) return at
    if (kind === undefined) return -1
  }
  return -1
}

function patternEnd(kinds: AsciiKinds, text: string, from: number): number {
  for (let at = from; ; ) {
    while (kindAt(kinds, text, at) !== 0) at++
    while (at < text.length && kindAt(kinds, text, at) === 0) at++
    if (at === text.length || kindAt(kinds, text, at) !== undefined) return at
  }
}
