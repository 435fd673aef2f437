import type { Analyzer } from '../analyzer.ts'
import type { AnalyzerName } from '../vector-store.ts'
import { analyzerOf } from './analyzer-of.ts'
import { scanCode } from './code.ts'
import { scanEnglish } from './english.ts'
import { scanUnicode } from './unicode.ts'

const ANALYZERS: Readonly<Record<AnalyzerName, Analyzer>> = {
  english: analyzerOf('english', 1, scanEnglish),
  unicode: analyzerOf('unicode', 2, scanUnicode),
  code: analyzerOf('code', 1, scanCode),
}

/** What analyzers keep changes nothing that they answer, so every index shares the same three. */
export function openAnalyzer(name: AnalyzerName): Analyzer {
  return ANALYZERS[name]
}
