import type { Span } from '../../core/model.ts'

const graphemes = new Intl.Segmenter('und', { granularity: 'grapheme' })
/** Context around a cut in which characters are told apart. */
const WINDOW = 64

/** Cuts about `size` UTF-16 units apart, between characters as readers see them wherever one of those ends nearby. */
export function* characterCuts(text: string, span: Span, size: number): Generator<number> {
  let from = span.start
  while (span.end - from > size) {
    const cut = cutNear(text, { start: from, end: span.end }, from + size)
    if (cut === null) return
    yield cut
    from = cut
  }
}

/** The boundary nearest to `at` inside the span, or null when the span is one code point. */
export function cutNear(text: string, span: Span, at: number): number | null {
  const start = wholeCodePoint(text, Math.max(span.start, at - WINDOW))
  const window = text.slice(start, Math.min(span.end, at + WINDOW))
  let best: number | null = null
  for (const { index } of graphemes.segment(window)) {
    const cut = start + index
    if (cut <= span.start || index === 0) continue
    if (best === null || Math.abs(cut - at) < Math.abs(best - at)) best = cut
  }
  return best ?? codePointCut(text, span, at)
}

function codePointCut(text: string, span: Span, at: number): number | null {
  const cut = wholeCodePoint(text, at)
  if (cut > span.start && cut < span.end) return cut
  const second = span.start + String.fromCodePoint(text.codePointAt(span.start) ?? 0).length
  return second < span.end ? second : null
}

/** Moves a position off the middle of a surrogate pair, to its start. */
function wholeCodePoint(text: string, at: number): number {
  const low = /[\udc00-\udfff]/.test(text.charAt(at))
  return low && /[\ud800-\udbff]/.test(text.charAt(at - 1)) ? at - 1 : at
}
