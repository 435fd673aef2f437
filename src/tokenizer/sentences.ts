import type { Span } from '../core/model.ts'

const sentences = new Intl.Segmenter('und', { granularity: 'sentence' })

/** Unicode's rules end a sentence behind these, of which few do. */
const ABBREVIATION =
  /(?:^|[\s("'“‘[])(?:Dr|Mr|Mrs|Ms|Prof|Rev|Hon|Gen|Col|Sgt|Capt|Lt|Sr|Jr|St|Mt|vs|cf|ca|e\.g|i\.e|viz|al|approx|Fig|Figs|fig|Eq|Sec|Ch|No|Nos|no|Vol|vol|pp?|eds?|Inc|Ltd|Co|Corp|Jan|Feb|Mar|Apr|Jun|Jul|Aug|Sept?|Oct|Nov|Dec|U\.S|U\.K|U\.N|Ph\.D|a\.m|p\.m|[A-Z])\.$/
const ABBREVIATION_CHARS = 12

/** Ends of sentences inside the span, before the white space that follows them. A lone line break ends none. */
export function* sentenceCuts(text: string, span: Span): Generator<number> {
  const within = text.slice(span.start, span.end)
  for (const { index } of sentences.segment(within.replace(/\n/g, ' '))) {
    const end = spaceBefore(within, index)
    if (end > 0 && !endsInAbbreviation(within, end)) yield span.start + end
  }
}

function spaceBefore(text: string, at: number): number {
  let end = at
  while (end > 0 && text.charAt(end - 1).trim() === '') end -= 1
  return end
}

function endsInAbbreviation(text: string, end: number): boolean {
  if (text.charAt(end - 1) !== '.') return false
  return ABBREVIATION.test(text.slice(Math.max(0, end - ABBREVIATION_CHARS), end))
}
