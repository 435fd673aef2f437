import type { EvalResult } from '../../eval/result/schema.ts'
import { paint, table } from '../terminal.ts'

/** A result as a person reads it: the numbers by stage, what was lost where, what to know. */
export function showResult(result: EvalResult, folder: string | undefined): string {
  const { metrics, stages, losses, findings, dataset, target } = result
  const head = ['stage', ...metrics, 'p50 ms', 'p95 ms', 'p99 ms', 'whole']
  const rows = stages.map(({ stage, metrics: own, latency_ms: times, answers }) => [
    stage,
    ...metrics.map((metric) => own[metric]?.mean.toFixed(4) ?? '–'),
    ...[times?.p50, times?.p95, times?.p99].map((ms) => (ms === undefined ? '–' : ms.toFixed(2))),
    `${answers.whole}/${answers.asked}`,
  ])
  const lines = [
    paint('bold', `${dataset.name}: ${dataset.queries} queries, ${target.name}`),
    table([head, ...rows]),
  ]
  if (losses !== null) {
    const { kept, search, ranking, fusion, rerank } = losses.counts
    lines.push(
      `relevant documents in the first ${losses.k}: ${kept}; lost by search ${search}, ranking ${ranking}, fusion ${fusion}, reranking ${rerank}`,
    )
  }
  if (result.neighbour_recall !== null)
    lines.push(
      `index recall@${result.neighbour_recall.k} against exact search: ${result.neighbour_recall.recall.toFixed(4)}`,
    )
  for (const { level, text } of findings)
    lines.push(level === 'warning' ? paint('yellow', `! ${text}`) : paint('dim', `  ${text}`))
  if (folder !== undefined) lines.push(`written to ${folder}`)
  return `${lines.join('\n')}\n`
}
