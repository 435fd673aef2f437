/** Letters that are spelled in two ways within one language, and marks that are optional in writing. */
const FOLDS: Readonly<Record<string, string>> = {
  'i\u0307': 'i',
  ß: 'ss',
  ς: 'σ',
  ё: 'е',
  أ: 'ا',
  إ: 'ا',
  آ: 'ا',
  ٱ: 'ا',
  ى: 'ي',
  ة: 'ه',
}

/** The Arabic elongation; the vowel points of Hebrew and of Arabic. */
const FOLDED =
  /i\u0307|[ßςёأإآٱىة]|[\u0640\u0591-\u05bd\u05bf\u05c1\u05c2\u05c4\u05c5\u05c7\u064b-\u0652\u0670]/gu

// biome-ignore lint/suspicious/noControlCharactersInRegex: the range is ASCII itself
const ASCII = /^[\x00-\x7f]*$/

/** Compatibility forms such as ligatures and full-width letters as plain ones, without soft hyphens. */
export function plainForms(text: string): string {
  return ASCII.test(text) ? text : composed(text)
}

/** One spelling for all that reads the same: compatibility forms, case, and the optional marks of a script. */
export function foldText(text: string): string {
  if (ASCII.test(text)) return text.toLowerCase()
  return composed(text)
    .toLowerCase()
    .replace(FOLDED, (found) => FOLDS[found] ?? '')
}

function composed(text: string): string {
  return text.normalize('NFKC').replaceAll('\u00ad', '')
}
