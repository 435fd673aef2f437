import type { Span } from '../../core/model.ts'
import type { Tokenizer } from '../../core/tokenizer.ts'
import type { Boundary } from './boundaries.ts'
import { characterCuts, cutNear } from './characters.ts'

export interface Piece extends Span {
  readonly tokens: number
}

export interface Splitter {
  readonly text: string
  readonly tokenizer: Tokenizer
}

/** No token is worth this many characters on average over a whole passage, so longer ones need no counting to be too long. */
const CHARS_PER_TOKEN_MAX = 32

/**
 * Pieces that tile the span, none above `tokensMax` but a single code point: the whole if it fits, else parts by the
 * first boundary that cuts it. One at a time, since a long text has millions.
 */
export function* splitSpan(
  splitter: Splitter,
  span: Span,
  boundaries: readonly Boundary[],
  tokensMax: number,
): Generator<Piece> {
  const whole = countWithin(splitter, span, tokensMax)
  if (whole === null) yield* forceSplit(splitter, span, boundaries, tokensMax)
  else yield { start: span.start, end: span.end, tokens: whole }
}

/** Cuts the span at least once, even one that fits; a single code point stays what it is. */
export function* forceSplit(
  splitter: Splitter,
  span: Span,
  boundaries: readonly Boundary[],
  tokensMax: number,
): Generator<Piece> {
  const [boundary, ...finer] = boundaries
  const cuts = boundary?.(splitter.text, span) ?? lastCuts(splitter.text, span, tokensMax)
  let start = span.start
  for (const end of cuts) {
    yield* splitSpan(splitter, { start, end }, finer, tokensMax)
    start = end
  }
  if (start > span.start) yield* splitSpan(splitter, { start, end: span.end }, finer, tokensMax)
  else if (boundary !== undefined) yield* forceSplit(splitter, span, finer, tokensMax)
  else {
    const { text, tokenizer } = splitter
    yield { ...span, tokens: tokenizer.count(text.slice(span.start, span.end)) }
  }
}

/** Between characters: in steps that are likely to fit, or in the middle of what is shorter than one. */
function* lastCuts(text: string, span: Span, tokensMax: number): Generator<number> {
  const length = span.end - span.start
  if (length > tokensMax) yield* characterCuts(text, span, tokensMax)
  else {
    const middle = cutNear(text, span, span.start + Math.ceil(length / 2))
    if (middle !== null) yield middle
  }
}

function countWithin({ text, tokenizer }: Splitter, span: Span, tokensMax: number): number | null {
  if (span.end - span.start > tokensMax * CHARS_PER_TOKEN_MAX) return null
  const tokens = tokenizer.count(text.slice(span.start, span.end))
  return tokens <= tokensMax ? tokens : null
}
