import type { Setup } from './context.ts'

/** The sets that the defaults are judged on, each under the analyzer of its language. */
const SETS: Readonly<Record<string, Setup['analyzer']>> = {
  scifact: 'english',
  'squad-dev': 'english',
  'medquad-faq': 'english',
  'anthropic-codebase': 'code',
  cosqa: 'code',
  'limit-small': 'english',
  'xquad-en': 'english',
  'xquad-de': 'unicode',
  'xquad-zh': 'unicode',
  'xquad-hi': 'unicode',
  'xquad-th': 'unicode',
  'xquad-ar': 'unicode',
}

export const SET_NAMES: readonly string[] = Object.keys(SETS)

export function analyzerOf(name: string): Setup['analyzer'] {
  return SETS[name] ?? 'english'
}
