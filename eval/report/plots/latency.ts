import type { EvalResult } from '../../result/schema.ts'
import { escapeHtml } from '../escape.ts'
import { axisOver } from './scale.ts'

const WIDTH = 1080
const HEIGHT = 320
const LEFT = 56
const RIGHT = 24
const TOP = 14
const BOTTOM = 44

/** Each stage's first metric with its interval upwards, its median latency with the way to p95 to the right. */
export function latencyPlot({ metrics, stages }: EvalResult): string {
  const [metric] = metrics
  const points = stages.flatMap(({ stage, metrics: own, latency_ms: latency }) => {
    const estimate = own[metric ?? '']
    return estimate === undefined || latency === null ? [] : [{ stage, estimate, latency }]
  })
  if (metric === undefined || points.length === 0) return ''
  const times = [0, ...points.flatMap(({ latency }) => [latency.p50, latency.p95])]
  const x = axisOver(times, [LEFT, WIDTH - RIGHT], { min: 0, max: Number.POSITIVE_INFINITY }, 7)
  const scores = points.flatMap(({ estimate }) => [estimate.low, estimate.high])
  const y = axisOver(scores, [HEIGHT - BOTTOM, TOP], { min: 0, max: 1 }, 5)
  const grid = [
    ...x.ticks.map((tick) => {
      const at = x.scale(tick).toFixed(1)
      return `<line class="grid" x1="${at}" x2="${at}" y1="${TOP}" y2="${HEIGHT - BOTTOM}"/><text class="tick" x="${at}" y="${HEIGHT - BOTTOM + 17}" text-anchor="middle">${tick}</text>`
    }),
    ...y.ticks.map((tick) => {
      const at = y.scale(tick).toFixed(1)
      return `<line class="grid" x1="${LEFT}" x2="${WIDTH - RIGHT}" y1="${at}" y2="${at}"/><text class="tick" x="${LEFT - 8}" y="${Number(at) + 4}" text-anchor="end">${tick}</text>`
    }),
  ]
  const places = labelPlaces(
    points.map(({ estimate, latency }) => [x.scale(latency.p50), y.scale(estimate.mean)]),
  )
  const marks = points.map(({ stage, estimate, latency }, at) => {
    const [cx, end] = [latency.p50, latency.p95].map((ms) => x.scale(ms).toFixed(1))
    const [cy, low, high] = [estimate.mean, estimate.low, estimate.high].map((value) =>
      y.scale(value).toFixed(1),
    )
    return `<g class="stage-${stage}"><title>${escapeHtml(`${stage}: ${metric} ${estimate.mean.toFixed(4)}, p50 ${latency.p50.toFixed(2)} ms, p95 ${latency.p95.toFixed(2)} ms`)}</title>
<line class="whisker thin" x1="${cx}" x2="${cx}" y1="${low}" y2="${high}"/><line class="whisker" x1="${cx}" x2="${end}" y1="${cy}" y2="${cy}"/><line class="whisker" x1="${end}" x2="${end}" y1="${Number(cy) - 4}" y2="${Number(cy) + 4}"/>
<circle class="mark" cx="${cx}" cy="${cy}" r="6"/><text class="name" x="${Number(cx) + 10}" y="${(places[at] ?? 0).toFixed(1)}">${stage}</text></g>`
  })
  return `<svg viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label="${escapeHtml(metric)} against latency by stage">${grid.join('')}${marks.join('')}
<text class="tick" x="${WIDTH - RIGHT}" y="${HEIGHT - 6}" text-anchor="end">milliseconds as the caller saw them: dot at p50, bar to p95</text>
<text class="tick" x="${LEFT}" y="${HEIGHT - 6}">${escapeHtml(metric)}, line: 95 % interval</text></svg>`
}

const LABEL_WIDTH = 80
const LABEL_HEIGHT = 15
/** Above the mark, below it, then further away. */
const LABEL_OFFSETS = [-10, 20, -26, 36]

/** Where each mark's name stands without covering another. */
function labelPlaces(marks: readonly (readonly [x: number, y: number])[]): readonly number[] {
  const taken: (readonly [number, number])[] = []
  return marks.map(([x, y]) => {
    const free = LABEL_OFFSETS.find((offset) =>
      taken.every(
        ([otherX, otherY]) =>
          Math.abs(otherX - x) > LABEL_WIDTH || Math.abs(otherY - (y + offset)) > LABEL_HEIGHT,
      ),
    )
    const place = y + (free ?? 0)
    taken.push([x, place])
    return place
  })
}
