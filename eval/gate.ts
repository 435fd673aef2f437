import { QuarryError } from '../src/core/errors.ts'
import { compareResults, type Difference } from './compare.ts'
import type { EvalResult, StageResult } from './result/schema.ts'
import type { Stage } from './target.ts'

export interface GateOptions {
  readonly metrics: readonly string[]
  readonly stage: Stage
  /** How far a metric may fall. */
  readonly margin: number
  readonly confidence: number
  /**
   * `fall`: closed by a fall beyond the margin that is sure at this confidence; few queries rarely close it.
   * `harmless`: open only when it is sure that the fall is within the margin; few queries rarely open it.
   */
  readonly proof: 'fall' | 'harmless'
  /** Share of answers that may be degraded or failed, beyond what they were before. */
  readonly incompleteMax: number
}

export const GATE_DEFAULTS: GateOptions = {
  metrics: ['ndcg@10'],
  stage: 'reranked',
  margin: 0.01,
  confidence: 0.95,
  proof: 'fall',
  incompleteMax: 0.01,
}

export interface Gate {
  readonly holds: boolean
  readonly checks: readonly GateCheck[]
}

export interface GateCheck {
  readonly name: string
  readonly holds: boolean
  /** What was found and what was allowed, for people. */
  readonly detail: string
  readonly difference: Difference | null
}

/**
 * Whether the second result may replace the first: for CI after a change, for a migration before its cutover.
 * @throws QuarryError `invalid_request` when the two can't be compared
 */
export async function gate(
  before: EvalResult,
  after: EvalResult,
  options: GateOptions,
): Promise<Gate> {
  const { stage, metrics, confidence } = options
  const differences = await compareResults(before, after, { stages: [stage], metrics, confidence })
  const checks = [
    completenessCheck(stageOf(before, stage), stageOf(after, stage), options),
    ...differences.map((difference) => metricCheck(difference, options)),
  ]
  return { holds: checks.every(({ holds }) => holds), checks }
}

function metricCheck(difference: Difference, options: GateOptions): GateCheck {
  const { margin, confidence, proof } = options
  const bound = proof === 'fall' ? difference.high : difference.low
  const found = `${signed(difference.difference)} (${confidence * 100} % interval ${signed(difference.low)} to ${signed(difference.high)}, p ${difference.p.toFixed(4)}, ${difference.queries} queries)`
  const allowed =
    proof === 'fall'
      ? `closed by a sure fall of more than ${margin}`
      : `open for a fall that is surely within ${margin}`
  return {
    name: `${difference.stage} ${difference.metric}`,
    holds: bound >= -margin,
    detail: `${difference.before.toFixed(4)} → ${difference.after.toFixed(4)}, ${found}; ${allowed}`,
    difference,
  }
}

/** Degraded answers are left out of the means, so a target that answers less must not pass by it. */
function completenessCheck(
  before: StageResult,
  after: StageResult,
  { incompleteMax }: GateOptions,
): GateCheck {
  const [was, is] = [incomplete(before), incomplete(after)]
  return {
    name: `${after.stage} whole answers`,
    holds: is <= was + incompleteMax,
    detail: `${percent(is)} degraded or failed, ${percent(was)} before; at most ${percent(incompleteMax)} more`,
    difference: null,
  }
}

function incomplete({ answers }: StageResult): number {
  return (answers.degraded + answers.failed) / answers.asked
}

function stageOf({ stages, name }: EvalResult, stage: Stage): StageResult {
  const found = stages.find((each) => each.stage === stage)
  if (found !== undefined) return found
  throw new QuarryError('invalid_request', `${name} has no stage "${stage}"`)
}

function signed(value: number): string {
  return `${value < 0 ? '−' : '+'}${Math.abs(value).toFixed(4)}`
}

function percent(share: number): string {
  return `${(share * 100).toFixed(1)} %`
}
