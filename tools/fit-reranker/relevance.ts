import type { Measured } from '../../adapters/rerankers/lexical/features.ts'
import type { Measures } from '../../adapters/rerankers/lexical/measures.ts'
import { logistic } from './fit.ts'

/** What depends on query and passage alone, so that it could mean the same for every query. */
export type Evidence = Exclude<keyof Measures, 'saturation' | 'heading'> | 'interaction'

export type Relevance = Readonly<Partial<Record<Evidence, number>> & { readonly bias: number }>

export function relevanceOf(
  { measures, interaction }: Pick<Measured, 'measures' | 'interaction'>,
  { bias, ...slopes }: Relevance,
): number {
  const evidence = { ...measures, interaction }
  let odds = bias
  for (const [name, slope] of Object.entries(slopes)) odds += slope * evidence[name as Evidence]
  return logistic(odds)
}
