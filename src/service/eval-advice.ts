import type { EvalResult } from '../../eval/result/schema.ts'
import type { LatestEval } from '../catalog/evals.ts'
import type { Finding } from './finding.ts'

/** What the latest evals warn of: fusion below the better leg, reranking that loses, answers that were degraded. */
export function evalAdvice(latest: readonly LatestEval[]): readonly Finding[] {
  return latest.flatMap((run) => {
    const { findings = [] } = (run.summary ?? {}) as Partial<EvalResult>
    const day = run.createdAt.toISOString().slice(0, 10)
    return findings
      .filter(({ level }) => level === 'warning')
      .map(({ text }) => ({
        name: `collection ${run.collection}`,
        state: 'warning' as const,
        detail: `${text} (tenant ${run.tenant}, eval ${run.id} of ${day})`,
      }))
  })
}
