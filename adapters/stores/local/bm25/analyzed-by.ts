import { openAnalyzer } from '../../../../src/core/analysis/open-analyzer.ts'
import type { LexicalSpec } from '../../../../src/core/vector-store.ts'

/** Which analyzer in which revision made the terms of a segment; null where it has none. */
export function analyzedBy(lexical: LexicalSpec | null): string | null {
  if (lexical === null) return null
  const { name, revision } = openAnalyzer(lexical.analyzer)
  return `${name}-${revision}`
}
