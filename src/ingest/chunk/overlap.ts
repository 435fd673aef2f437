import type { Span } from '../../core/model.ts'
import { sentenceCuts } from '../../tokenizer/sentences.ts'
import type { Splitter } from './split.ts'

/** Where the overlap with a passage begins: at the earliest of its last sentences that fit, else of its last words. */
export function overlapStart(
  { text, tokenizer }: Splitter,
  span: Span,
  overlapTokens: number,
): number {
  const tail = { start: Math.max(span.start, span.end - 8 * overlapTokens), end: span.end }
  const fits = (cut: number): boolean => tokenizer.count(text.slice(cut, span.end)) <= overlapTokens
  const sentence = [...sentenceCuts(text, tail)].map((cut) => pastSpace(text, cut)).find(fits)
  if (sentence !== undefined && sentence < span.end) return sentence
  const words = [...text.slice(tail.start, tail.end).matchAll(/(?<=\s)\S/g)]
  return words.map(({ index }) => tail.start + index).find(fits) ?? span.end
}

function pastSpace(text: string, at: number): number {
  let start = at
  while (start < text.length && text.charAt(start).trim() === '') start += 1
  return start
}
