import { coveredSpan, type Passage } from './passages.ts'
import type { PromptRequest } from './prompt.ts'

/** Passages, best first, in the order in which a model will read them. */
export function order(
  passages: readonly Passage[],
  wanted: PromptRequest['order'],
): readonly Passage[] {
  if (wanted === 'relevance') return passages
  if (wanted === 'edges') {
    // Best first, second best last, and so inward: models read the middle of a long prompt least.
    const front = passages.filter((_, index) => index % 2 === 0)
    const back = passages.filter((_, index) => index % 2 === 1)
    return [...front, ...back.reverse()]
  }
  const firsts = new Map<string, number>()
  for (const { documentId, rank } of passages) {
    if (!firsts.has(documentId)) firsts.set(documentId, rank)
  }
  const place = ({ documentId }: Passage): number => firsts.get(documentId) ?? 0
  const start = ({ pieces }: Passage): number => coveredSpan(pieces).start
  return passages.toSorted((a, b) => place(a) - place(b) || start(a) - start(b))
}
