import { QuarryError } from '../../src/core/errors.ts'
import { measureBm25 } from './bm25.ts'
import type { Bound } from './bound.ts'
import { measureChunking } from './chunking.ts'
import type { SuiteContext, SuiteSources } from './context.ts'
import { measureHybrid } from './hybrid.ts'
import { measureReranking } from './reranking.ts'
import { rememberScores, type SetScores } from './score-set.ts'
import { measureStaticEmbedder } from './static-embedder.ts'

type Measure = (context: SuiteContext) => Promise<readonly Bound[]>

const MEASURES: Readonly<Record<string, Measure>> = {
  bm25: measureBm25,
  'static-embedder': measureStaticEmbedder,
  hybrid: measureHybrid,
  reranking: measureReranking,
  chunking: measureChunking,
}

export const SUITE_NAMES: readonly string[] = Object.keys(MEASURES)

export interface SuiteResult {
  readonly bounds: readonly Bound[]
  /** Every set that was asked, whatever bounds looked at it. */
  readonly sets: readonly SetScores[]
}

/**
 * Measures what the project promises about its quality. A part that fails to run stands in the answer with its error and
 * does not hold.
 * @throws QuarryError `invalid_request` for a part that there is not
 */
export async function runSuite(
  sources: SuiteSources,
  names: readonly string[],
): Promise<SuiteResult> {
  const unknown = names.find((name) => !Object.hasOwn(MEASURES, name))
  if (unknown !== undefined)
    throw new QuarryError(
      'invalid_request',
      `the suite has no part "${unknown}"; there are: ${SUITE_NAMES.join(', ')}`,
    )
  const remembered = rememberScores(sources)
  const context = { ...sources, scores: remembered.scores }
  const bounds: Bound[] = []
  for (const [name, measure] of Object.entries(MEASURES))
    if (names.length === 0 || names.includes(name))
      bounds.push(...(await measured(name, measure, context)))
  return { bounds, sets: remembered.all() }
}

async function measured(
  name: string,
  measure: Measure,
  context: SuiteContext,
): Promise<readonly Bound[]> {
  try {
    return await measure(context)
  } catch (error) {
    context.signal.throwIfAborted()
    const reason = error instanceof Error ? (error.stack ?? error.message) : String(error)
    return [{ name, value: null, bound: 0, relation: '>=', holds: false, reason }]
  }
}
