import type { Span } from '../../core/model.ts'
import { sentenceCuts } from '../../tokenizer/sentences.ts'
import type { Block } from '../document.ts'

/** Where a span may be cut: ascending, strictly inside it, before white space rather than behind it. */
export type Boundary = (text: string, span: Span) => Iterable<number>

function matching(pattern: RegExp): Boundary {
  return function* (text, span) {
    for (const match of text.slice(span.start, span.end).matchAll(pattern)) {
      if (match.index > 0) yield span.start + match.index
    }
  }
}

const blankLines = matching(/\n(?=[^\S\n]*\n)(?<!\n[^\S\n]*\n)/g)
const lines = matching(/\n+/g)
/** Line ends that also end a sentence: hard-wrapped prose is not cut inside one. */
const sentenceLines = matching(/(?<=[.!?:;。！？…"”’)\]])\n/g)
const itemLines = matching(/\n(?=\S)/g)
/** Lines of code that open something: not indented, and no closing bracket. */
const topLevelLines = matching(/\n(?=[^\s})\]])/g)
const cells = matching(/(?<=\S) \|/g)
const clauses = matching(/(?<=[,;:)—–])\s|(?<=[、，；：])/g)
const words = matching(/(?<=\S)\s/g)
/** Words in groups, so that a long text without sentences is not counted word by word. */
const wordGroups: Boundary = function* (text, span) {
  let last = span.start
  for (const cut of words(text, span)) {
    if (cut - last < GROUP_CHARS) continue
    yield cut
    last = cut
  }
}

const GROUP_CHARS = 64

const PROSE = [blankLines, sentenceLines, sentenceCuts, lines, clauses, wordGroups, words] as const

/** From the cut that hurts least to the one that hurts most; beyond the last, a span is cut between characters. */
export const BOUNDARIES: Readonly<Record<Block['kind'], readonly Boundary[]>> = {
  heading: PROSE,
  paragraph: PROSE,
  quote: PROSE,
  list: [itemLines, lines, sentenceCuts, clauses, wordGroups, words],
  table: [lines, cells, wordGroups, words],
  code: [blankLines, topLevelLines, lines, wordGroups, words],
}
