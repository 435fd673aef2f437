/** Longer words are slices that keep the text they were taken from in memory. */
const LENGTH_MAX = 12
/** Words of one generation: some 100 bytes each. */
const WORDS_MAX = 32_768

/**
 * Remembers what was made of words, of which a text has few that no other has. In two generations: what does not come
 * again while the younger fills up goes with the older.
 */
export function rememberTerms(termOf: (word: string) => string): (word: string) => string {
  let younger = new Map<string, string>()
  let older = new Map<string, string>()
  return (word) => {
    if (word.length > LENGTH_MAX) return termOf(word)
    const known = younger.get(word)
    if (known !== undefined) return known
    const term = older.get(word) ?? termOf(word)
    if (younger.size >= WORDS_MAX) {
      older = younger
      younger = new Map()
    }
    younger.set(word, term)
    return term
  }
}
