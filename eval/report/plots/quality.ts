import type { EvalResult } from '../../result/schema.ts'
import { escapeHtml } from '../escape.ts'
import { axisOver } from './scale.ts'

const WIDTH = 340
const LABEL = 78
const ROW = 24
const TOP = 10

/** One panel a metric: each stage's mean as a dot with its 95 % interval, on an axis of their own. */
export function qualityPlots({ metrics, stages }: EvalResult): string {
  return metrics.map((metric) => panel(metric, stages)).join('')
}

function panel(metric: string, stages: EvalResult['stages']): string {
  const rows = stages.flatMap(({ stage, metrics }) => {
    const estimate = metrics[metric]
    return estimate === undefined ? [] : [{ stage, ...estimate }]
  })
  if (rows.length === 0) return ''
  const values = rows.flatMap(({ low, high, mean }) => [low, high, mean])
  const axis = axisOver(values, [LABEL, WIDTH - 52], { min: 0, max: 1 }, 3)
  const bottom = TOP + rows.length * ROW
  const best = Math.max(...rows.map(({ mean }) => mean))
  const ticks = axis.ticks.map((tick) => {
    const x = axis.scale(tick).toFixed(1)
    return `<line class="grid" x1="${x}" x2="${x}" y1="${TOP}" y2="${bottom}"/><text class="tick" x="${x}" y="${bottom + 15}" text-anchor="middle">${tick}</text>`
  })
  const marks = rows.map(({ stage, mean, low, high }, at) => {
    const y = TOP + at * ROW + ROW / 2
    const [from, to, x] = [low, high, mean].map((value) => axis.scale(value).toFixed(1))
    const strong = mean === best ? ' class="best"' : ''
    return `<g class="stage-${stage}"><title>${escapeHtml(`${stage}: ${metric} ${mean.toFixed(4)}, 95 % interval ${low.toFixed(4)} to ${high.toFixed(4)}`)}</title>
<text x="${LABEL - 12}" y="${y + 4}" text-anchor="end">${stage}</text>
<line class="whisker" x1="${from}" x2="${to}" y1="${y}" y2="${y}"/><circle class="mark" cx="${x}" cy="${y}" r="5"/>
<text${strong} x="${WIDTH - 4}" y="${y + 4}" text-anchor="end">${mean.toFixed(3)}</text></g>`
  })
  return `<figure class="panel"><figcaption>${escapeHtml(metric)}</figcaption><svg viewBox="0 0 ${WIDTH} ${bottom + 20}" role="img" aria-label="${escapeHtml(metric)} by stage">${ticks.join('')}${marks.join('')}</svg></figure>`
}
