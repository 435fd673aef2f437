import type { TextUnits } from './text-units.ts'

/**
 * What each UTF-16 unit is to an analyzer: 0 for what is in no term, and so parts what stands around it; bits that the
 * analyzer chooses; and `BEYOND` for what is left to a pattern.
 */
export type UnitKinds = Uint8Array

export const BEYOND = 0x80

const ASCII_END = 0x80
/** Scripts that part words by spaces, in one unit a character, and the punctuation that they share. */
const KNOWN: readonly (readonly [from: number, to: number])[] = [
  [ASCII_END, 0x700],
  [0x2000, 0x2070],
]

/** The kinds of ASCII, 0 where none is given, and what `kindOf` says of characters of the scripts of Europe and the Near East. */
export function unitKinds(
  ascii: readonly (readonly [characters: string, kind: number])[],
  kindOf: (character: string) => number,
): UnitKinds {
  const kinds = new Uint8Array(0x10000).fill(BEYOND, ASCII_END)
  for (const [characters, kind] of ascii)
    for (const character of characters) kinds[character.charCodeAt(0)] = kind
  for (const [from, to] of KNOWN)
    for (let unit = from; unit < to; unit++) kinds[unit] = kindOf(String.fromCharCode(unit))
  return kinds
}

/**
 * Visits what stands between units that are in no term, in order: stretches of at most `plainMax` units of known kinds by
 * themselves, with all kinds that are in them, and with `BEYOND` what is left to a pattern together with all up to the
 * next stretch that begins with a known one, so that a text in another script is matched in one go.
 */
export function eachStretch(
  kinds: UnitKinds,
  source: TextUnits,
  plainMax: number,
  visit: (from: number, to: number, kinds: number) => void,
): void {
  const { units, text } = source
  for (let at = 0; at < text.length; ) {
    let seen = 0
    let end = at
    for (let kind = kinds[units[at] as number] as number; kind !== 0; ) {
      seen |= kind
      kind = kinds[units[++end] as number] as number
    }
    if (end === at) {
      at++
      continue
    }
    const isPlain = seen < BEYOND && end - at <= plainMax
    if (!isPlain) end = patternEnd(kinds, source, end)
    visit(at, end, isPlain ? seen : BEYOND)
    at = end
  }
}

/** Behind a stretch that ends at `from`, where the next one begins that begins with a known unit. */
function patternEnd(kinds: UnitKinds, { units, text }: TextUnits, from: number): number {
  for (let at = from; ; ) {
    while (at < text.length && kinds[units[at] as number] === 0) at++
    if (at === text.length || kinds[units[at] as number] !== BEYOND) return at
    while (kinds[units[at] as number] !== 0) at++
  }
}
