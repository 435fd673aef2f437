import type { Reranker } from '../../src/core/reranker.ts'
import { rerankBy } from './lexical/rerank.ts'
import { LEXICAL } from './lexical/weights.ts'

/**
 * Orders by what the passages say of the query, word by word: how many of its rare terms, how near each other and in
 * which order, in the title or not; blended with the scores of the stages before. Needs no model. Its scores order one
 * answer and mean nothing beside another's; what compares is the relevance, a fitted probability.
 */
export function openLexical(): Reranker {
  return {
    name: 'lexical',
    calibrated: true,
    rerank: (query, candidates, call) => rerankBy(LEXICAL, query, candidates, call),
    checkHealth: async () => {},
    close: async () => {},
  }
}
