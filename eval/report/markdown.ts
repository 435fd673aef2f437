import { FATES } from '../losses.ts'
import type { EvalResult } from '../result/schema.ts'
import { FATE_TEXTS } from './plots/losses.ts'

/** The summary of an evaluation, for a pull request or a page of documentation. */
export function markdownReport(result: EvalResult): string {
  const { dataset, target, findings } = result
  const lines = [
    `# ${line(result.name)}`,
    '',
    `${dataset.queries} judged queries of ${line(dataset.name)}, asked of ${line(target.name)} on ${result.created_at.slice(0, 10)}, ${result.depth} candidates deep. Quarry ${line(result.quarry_version)}.`,
    '',
    ...stageRows(result),
    '',
    ...findings.map(
      ({ level, text }) => `- ${level === 'warning' ? '**Warning:** ' : ''}${line(text)}`,
    ),
    ...(findings.length > 0 ? [''] : []),
    ...lossRows(result),
    ...neighbourRows(result),
  ]
  return `${lines.join('\n').trimEnd()}\n`
}

function stageRows({ metrics, stages }: EvalResult): string[] {
  const head = ['stage', ...metrics, 'p50 ms', 'p95 ms', 'p99 ms', 'whole', 'degraded', 'failed']
  const rows = stages.map(({ stage, metrics: own, latency_ms: times, answers }) => [
    stage,
    ...metrics.map((metric) => {
      const estimate = own[metric]
      return estimate === undefined
        ? '–'
        : `${estimate.mean.toFixed(4)} (${estimate.low.toFixed(3)}–${estimate.high.toFixed(3)})`
    }),
    ...[times?.p50, times?.p95, times?.p99].map((ms) => (ms === undefined ? '–' : ms.toFixed(2))),
    ...[answers.whole, answers.degraded, answers.failed].map(String),
  ])
  return markdownTable(head, rows)
}

function lossRows({ losses }: EvalResult): string[] {
  if (losses === null) return []
  const rows = FATES.map((fate) => [fate, String(losses.counts[fate]), FATE_TEXTS[fate]])
  return [
    `Relevant documents by what became of them (first ${losses.k}; candidate recall of both legs ${losses.candidate_recall.toFixed(4)}):`,
    '',
    ...markdownTable(['fate', 'documents', 'meaning'], rows),
    '',
  ]
}

function neighbourRows({ neighbour_recall: found }: EvalResult): string[] {
  if (found === null) return []
  return [`Index recall@${found.k} against exact search: ${found.recall.toFixed(4)}.`, '']
}

function markdownTable(head: readonly string[], rows: readonly (readonly string[])[]): string[] {
  const row = (cells: readonly string[]): string =>
    `| ${cells.map((cell) => line(cell)).join(' | ')} |`
  return [row(head), row(head.map(() => '---')), ...rows.map(row)]
}

/** Text of others in one line, so that it can't begin a table, a heading or HTML. */
function line(text: string): string {
  return text
    .replaceAll(/\s+/g, ' ')
    .replaceAll(/[|`*_[\]\\]/g, (mark) => `\\${mark}`)
    .replaceAll('<', '&lt;')
}
