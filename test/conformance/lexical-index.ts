import type { LexicalIndex } from '../../src/core/lexical-index.ts'
import { declareRules, type Rule, type Skips } from './rule.ts'
import { lexicalScoringRules } from './rules/lexical-scoring.ts'
import { lexicalStatisticsRules } from './rules/lexical-statistics.ts'

export interface LexicalIndexSubject {
  /** An index to use for one rule; `close` is called on it afterwards. */
  readonly open: () => Promise<LexicalIndex>
}

export interface LexicalIndexOptions extends LexicalIndexSubject {
  readonly skip?: Skips | undefined
}

/** The contract of `LexicalIndex`, as tests: BM25 exactly, over one tenant's chunks alone. */
export function testLexicalIndex(name: string, options: LexicalIndexOptions): void {
  declareRules(`${name} keeps the LexicalIndex contract`, lexicalIndexRules(options), options.skip)
}

export function lexicalIndexRules(subject: LexicalIndexSubject): Rule[] {
  return [...lexicalScoringRules(subject), ...lexicalStatisticsRules(subject)]
}
