/**
 * Porter's stemmer (Program 14(3), 1980) with his two later changes, `bli` and `logi`: what Lucene's
 * PorterStemFilter does. Takes a lower-case word.
 */
export function porterStem(word: string): string {
  if (word.length < 3) return word
  const stem = withoutPlural(word)
  return withoutFinalE(
    step(step(step(yToI(withoutParticiple(stem)), TO_SIMPLER, 0), TO_BARE, 0), TO_NOTHING, 1),
  )
}

type Rules = Readonly<Record<string, readonly (readonly [suffix: string, replacement: string])[]>>

/** Suffixes by their last letter but one, the longer before the shorter that it ends in. */
const TO_SIMPLER: Rules = {
  a: [
    ['ational', 'ate'],
    ['tional', 'tion'],
  ],
  c: [
    ['enci', 'ence'],
    ['anci', 'ance'],
  ],
  e: [['izer', 'ize']],
  l: [
    ['bli', 'ble'],
    ['alli', 'al'],
    ['entli', 'ent'],
    ['eli', 'e'],
    ['ousli', 'ous'],
  ],
  o: [
    ['ization', 'ize'],
    ['ation', 'ate'],
    ['ator', 'ate'],
  ],
  s: [
    ['alism', 'al'],
    ['iveness', 'ive'],
    ['fulness', 'ful'],
    ['ousness', 'ous'],
  ],
  t: [
    ['aliti', 'al'],
    ['iviti', 'ive'],
    ['biliti', 'ble'],
  ],
  g: [['logi', 'log']],
}

const TO_BARE: Rules = {
  t: [
    ['icate', 'ic'],
    ['iciti', 'ic'],
  ],
  v: [['ative', '']],
  z: [['alize', 'al']],
  a: [['ical', 'ic']],
  u: [['ful', '']],
  s: [['ness', '']],
}

const TO_NOTHING: Rules = {
  a: [['al', '']],
  c: [
    ['ance', ''],
    ['ence', ''],
  ],
  e: [['er', '']],
  i: [['ic', '']],
  l: [
    ['able', ''],
    ['ible', ''],
  ],
  n: [
    ['ant', ''],
    ['ement', ''],
    ['ment', ''],
    ['ent', ''],
  ],
  o: [
    ['sion', 's'],
    ['tion', 't'],
    ['ou', ''],
  ],
  s: [['ism', '']],
  t: [
    ['ate', ''],
    ['iti', ''],
  ],
  u: [['ous', '']],
  v: [['ive', '']],
  z: [['ize', '']],
}

/** Applies the first rule whose suffix the word has, if what is left measures more than `least`. */
function step(word: string, rules: Rules, least: number): string {
  for (const [suffix, replacement] of rules[word.charAt(word.length - 2)] ?? []) {
    if (!word.endsWith(suffix)) continue
    const end = word.length - suffix.length
    // `ion` goes only after s or t, which stay and are measured with the stem.
    return measure(word, suffix.endsWith('ion') && replacement.length === 1 ? end + 1 : end) > least
      ? word.slice(0, end) + replacement
      : word
  }
  return word
}

function withoutPlural(word: string): string {
  if (!word.endsWith('s') || word.endsWith('ss')) return word
  return word.slice(0, word.endsWith('sses') || word.endsWith('ies') ? -2 : -1)
}

function withoutParticiple(word: string): string {
  if (word.endsWith('eed')) return measure(word, word.length - 3) > 0 ? word.slice(0, -1) : word
  const suffix = word.endsWith('ed') ? 2 : word.endsWith('ing') ? 3 : 0
  const end = word.length - suffix
  return suffix > 0 && hasVowel(word, end) ? mended(word.slice(0, end)) : word
}

/** Gives back the e that `-ed` or `-ing` took, and takes the consonant that they doubled. */
function mended(stem: string): string {
  const end = stem.length
  if (stem.endsWith('at') || stem.endsWith('bl') || stem.endsWith('iz')) return `${stem}e`
  if (endsDoubled(stem, end)) return 'lsz'.includes(stem.charAt(end - 1)) ? stem : stem.slice(0, -1)
  return measure(stem, end) === 1 && endsShort(stem, end) ? `${stem}e` : stem
}

function yToI(word: string): string {
  return word.endsWith('y') && hasVowel(word, word.length - 1) ? `${word.slice(0, -1)}i` : word
}

function withoutFinalE(word: string): string {
  const stem = dropsE(word) ? word.slice(0, -1) : word
  const end = stem.length
  return stem.endsWith('l') && endsDoubled(stem, end) && measure(stem, end) > 1
    ? stem.slice(0, -1)
    : stem
}

function dropsE(word: string): boolean {
  if (!word.endsWith('e')) return false
  const end = word.length - 1
  const vowelRuns = measure(word, end)
  return vowelRuns > 1 || (vowelRuns === 1 && !endsShort(word, end))
}

/** How often a consonant follows a vowel in the first `end` letters. */
function measure(word: string, end: number): number {
  let count = 0
  let afterVowel = false
  for (let i = 0; i < end; i++) {
    const consonant = isConsonant(word, i)
    if (consonant && afterVowel) count++
    afterVowel = !consonant
  }
  return count
}

function hasVowel(word: string, end: number): boolean {
  for (let i = 0; i < end; i++) if (!isConsonant(word, i)) return true
  return false
}

function endsDoubled(word: string, end: number): boolean {
  return (
    end > 1 && word.charCodeAt(end - 1) === word.charCodeAt(end - 2) && isConsonant(word, end - 1)
  )
}

/** Consonant, vowel, consonant other than w, x or y: as in hop, not in snow or box. */
function endsShort(word: string, end: number): boolean {
  if (end < 3 || 'wxy'.includes(word.charAt(end - 1))) return false
  return isConsonant(word, end - 1) && !isConsonant(word, end - 2) && isConsonant(word, end - 3)
}

/** A y is a vowel after a consonant. */
function isConsonant(word: string, at: number): boolean {
  switch (word.charCodeAt(at)) {
    case 97:
    case 101:
    case 105:
    case 111:
    case 117:
      return false
    case 121:
      return at === 0 || !isConsonant(word, at - 1)
    default:
      return true
  }
}
