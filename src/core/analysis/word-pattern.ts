/**
 * Words by the rules of UAX #29 that Lucene's StandardTokenizer follows: letters and digits run together, also over
 * an underscore; an apostrophe, a dot or a colon joins letters, a comma, a dot or an apostrophe joins digits.
 * Ideographs and Hiragana stand alone, Katakana and the scripts without spaces run.
 */
const SPACELESS = String.raw`[\p{Script=Thai}\p{Script=Lao}\p{Script=Khmer}\p{Script=Myanmar}]`
const ALONE = String.raw`[\p{Ideographic}\p{Script=Hiragana}]`
const KATAKANA = String.raw`[\p{Script=Katakana}\u30fc]`
const LETTER = String.raw`[\p{Alphabetic}--\p{M}--${ALONE}--${KATAKANA}--${SPACELESS}--\p{Nd}]`
const DIGIT = String.raw`[\p{Nd}--${SPACELESS}]`
const MARK = String.raw`[[\p{M}\p{Cf}]--[\u200b]--${SPACELESS}]`
const JOINER = String.raw`\p{Pc}`
const IN_WORD = String.raw`[\:\xb7\u0387\u055f\u05f4\u2027\ufe13\ufe55\uff1a.\u2018\u2019\u2024\ufe52\uff07\uff0e']`
const IN_NUMBER = String.raw`[,\;\u037e\u0589\u060c\u060d\u066c\u07f8\u2044\uff0c\uff1b.\u2018\u2019\u2024\ufe52\uff07\uff0e']`

const RUN = `[${LETTER}${DIGIT}${JOINER}${MARK}]`

/** Bounded like Lucene's tokens: a longer word is cut into pieces, and no input can exhaust the matcher's stack. */
export const WORD: RegExp = new RegExp(
  [
    `[${LETTER}${DIGIT}${JOINER}]${RUN}{0,254}` +
      `(?:(?:(?<=${LETTER}${MARK}{0,8})${IN_WORD}(?=${LETTER})|(?<=${DIGIT}${MARK}{0,8})${IN_NUMBER}(?=${DIGIT}))` +
      `${RUN}{1,254}){0,64}`,
    `${KATAKANA}[${KATAKANA}${MARK}]{0,254}`,
    `${ALONE}${MARK}{0,8}`,
    `[${SPACELESS}--\\p{P}]{1,255}`,
  ].join('|'),
  'gv',
)

/** A letter that joins others in a word. */
export const WORD_LETTER: RegExp = new RegExp(LETTER, 'v')

/** Whatever may stand in a word. */
export const IN_WORDS: RegExp = new RegExp(
  `[${RUN}${IN_WORD}${IN_NUMBER}${KATAKANA}${ALONE}${SPACELESS}]`,
  'v',
)
