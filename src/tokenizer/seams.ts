/**
 * Places that no token of a GPT encoding spans, so that counts of both sides add up: behind a letter where its word
 * cannot go on, before the space that follows a word, behind a line break that white space or a slash does not follow.
 * Characters above U+FFFF stay out of the first, since they count as letters and as punctuation in cutLongRuns.
 */
const SEAM =
  /(?=[\0-\ud7ff\ue000-\uffff])\p{L}(?=[\0-\ud7ff\ue000-\uffff])(?![\p{L}\p{M}'’])|\S(?=[^\S\r\n])|\n(?=[^\s/])/gu

/** The text in pieces of some `chars` characters, cut at seams; longer where there is no seam. */
export function* cutAtSeams(text: string, chars: number): Generator<string> {
  let start = 0
  while (text.length - start > chars) {
    SEAM.lastIndex = start + chars - 1
    const found = SEAM.exec(text)
    if (found === null) break
    const end = found.index + found[0].length
    yield text.slice(start, end)
    start = end
  }
  if (start < text.length) yield text.slice(start)
}
