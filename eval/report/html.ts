import type { EvalResult, StageResult } from '../result/schema.ts'
import { escapeHtml, escapeJson } from './escape.ts'
import { type PageData, pageData } from './page-data.ts'
import { latencyPlot } from './plots/latency.ts'
import { lossBar } from './plots/losses.ts'
import { qualityPlots } from './plots/quality.ts'
import { SCRIPT } from './script.ts'
import { STYLE } from './style.ts'

/** One evaluation as one page that loads nothing from anywhere. */
export function htmlReport(result: EvalResult): string {
  const data = pageData(result)
  const latency = latencyPlot(result)
  const losses = lossBar(result)
  return `<!doctype html><html lang="en"><head><meta charset="utf-8"><title>${escapeHtml(result.name)}: retrieval quality</title>
<meta name="viewport" content="width=device-width,initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'">
<style>${STYLE}</style></head><body>
${head(result)}
<main>
<section><h2>Quality by stage</h2><p>Dots are means over the queries that were answered in full, bars their 95 % intervals (bootstrap over queries). Each panel has an axis of its own.</p>
<div class="panels">${qualityPlots(result)}</div></section>
${latency === '' ? '' : `<section><h2>Quality against latency</h2><p>Asked one question at a time; what came from a cache is left out.</p><div class="card scroll wide">${latency}</div></section>`}
<section><h2>The numbers</h2><p></p><div class="card scroll">${stageTable(result)}</div></section>
${losses === '' ? '' : `<section><h2>Where relevant documents were lost</h2><p>${lossText(result)}</p><div class="card">${losses}</div></section>`}
${queriesSection(data)}
</main>
<footer>Quarry ${escapeHtml(result.quarry_version)}, ${escapeHtml(result.format)}. Queries ${escapeHtml(result.dataset.queries_hash)}, judgments ${escapeHtml(result.dataset.judgments_hash)}. This page loads nothing and sends nothing.</footer>
<script type="application/json" id="data">${escapeJson(data)}</script><script>${SCRIPT}</script></body></html>
`
}

function head(result: EvalResult): string {
  const { dataset, target, findings } = result
  const list = findings.map(({ level, text }) => `<li class="${level}">${escapeHtml(text)}</li>`)
  return `<header><h1>${escapeHtml(result.name)}</h1>
<p class="meta">${dataset.queries.toLocaleString('en')} judged queries of ${escapeHtml(dataset.name)}, asked of ${escapeHtml(target.name)} on ${escapeHtml(result.created_at.slice(0, 10))}, ${result.depth} candidates deep</p>
<div class="tiles">${tiles(result).join('')}</div>
${list.length === 0 ? '' : `<ul class="findings">${list.join('')}</ul>`}
<details class="settings"><summary>Settings</summary><pre>${escapeHtml(JSON.stringify(target.settings, null, 2))}</pre></details></header>`
}

function tiles(result: EvalResult): string[] {
  const { stages, metrics, neighbour_recall: neighbours } = result
  const [metric = ''] = metrics
  const of = (stage: string): StageResult | undefined => stages.find((each) => each.stage === stage)
  const last = stages.at(-1)
  const found: string[] = []
  const estimate = last?.metrics[metric]
  if (estimate !== undefined)
    found.push(
      tile(
        estimate.mean.toFixed(3),
        `${metric} of the answer, ${estimate.low.toFixed(3)} to ${estimate.high.toFixed(3)}`,
      ),
    )
  const means = ['dense', 'lexical'].flatMap((leg) => of(leg)?.metrics[metric]?.mean ?? [])
  const fused = of('fused')?.metrics[metric]?.mean
  if (fused !== undefined && means.length > 1)
    found.push(changeTile(fused - Math.max(...means), 'fusion against the better leg'))
  const whole = of('reranked')?.metrics[metric]?.mean
  if (fused !== undefined && whole !== undefined)
    found.push(changeTile(whole - fused, 'the whole request against fusion'))
  if (last?.latency_ms)
    found.push(
      tile(
        `${last.latency_ms.p95.toFixed(1)} ms`,
        `p95 of ${last.stage}, p50 ${last.latency_ms.p50.toFixed(1)}`,
      ),
    )
  if (last !== undefined) found.push(answersTile(last))
  if (neighbours !== null)
    found.push(
      tile(neighbours.recall.toFixed(3), `index recall@${neighbours.k} against exact search`),
    )
  return found
}

function changeTile(change: number, about: string): string {
  const kind = Math.abs(change) < 0.0005 ? '' : change > 0 ? 'good' : 'bad'
  const text = `${change < 0 ? '−' : '+'}${Math.abs(change).toFixed(3)}`
  return tile(text, about, kind)
}

function answersTile({ answers }: StageResult): string {
  const lost = answers.degraded + answers.failed
  return lost === 0
    ? tile(`${answers.whole}`, 'answers, all of them whole')
    : tile(`${lost}`, `of ${answers.asked} answers degraded or failed`, 'bad')
}

function tile(value: string, about: string, kind = ''): string {
  return `<div class="tile ${kind}"><b>${escapeHtml(value)}</b><span>${escapeHtml(about)}</span></div>`
}

function stageTable({ metrics, stages }: EvalResult): string {
  const names = metrics
    .map((metric) => `<th class="number">${escapeHtml(metric).replaceAll(/_|@/g, '<wbr>$&')}</th>`)
    .join('')
  const rows = stages.map((stage) => {
    const cells = metrics.map((metric) => {
      const estimate = stage.metrics[metric]
      return estimate === undefined
        ? '<td class="number">–</td>'
        : `<td class="number">${estimate.mean.toFixed(4)}<br><small>${estimate.low.toFixed(3)}–${estimate.high.toFixed(3)}</small></td>`
    })
    const times = stage.latency_ms
    const latency = [times?.p50, times?.p95, times?.p99].map(
      (ms) => `<td class="number">${ms === undefined ? '–' : ms.toFixed(2)}</td>`,
    )
    const { whole, degraded, failed } = stage.answers
    const row = `<tr><td class="stage-${stage.stage}"><b>${stage.stage}</b></td>${cells.join('')}${latency.join('')}<td class="number">${whole}</td><td class="number">${degraded}</td><td class="number">${failed}</td></tr>`
    return row + asAnsweredRow(stage, metrics)
  })
  return `<table><thead><tr><th>stage</th>${names}<th class="number">p50 ms</th><th class="number">p95 ms</th><th class="number">p99 ms</th><th class="number">whole</th><th class="number">degraded</th><th class="number">failed</th></tr></thead><tbody>${rows.join('')}</tbody></table>`
}

function asAnsweredRow({ as_answered: means }: StageResult, metrics: readonly string[]): string {
  if (means === null) return ''
  const cells = metrics.map(
    (metric) => `<td class="number">${(means[metric] ?? 0).toFixed(4)}</td>`,
  )
  return `<tr><td><small>as answered</small></td>${cells.join('')}<td colspan="6"></td></tr>`
}

function lossText({ losses }: EvalResult): string {
  if (losses === null) return ''
  const { k, lifted, candidate_recall: recall } = losses
  return `Each relevant document by whether the answer's first ${k} have it, and by the stage that lost it if not. Both legs together propose ${(recall * 100).toFixed(1)} % of what is relevant: the most that fusion and reranking could show. They lifted ${lifted.fusion + lifted.rerank} documents into the first ${k} that neither leg had there. Press a part to see its queries.`
}

function queriesSection({ fates }: PageData): string {
  const hidden = Object.keys(fates).length === 0 ? ' hidden' : ''
  return `<section id="per-query"><h2>Query by query</h2><p>What one stage gains or loses against another, sorted from the largest win to the largest loss: <span id="tally"></span>.</p>
<div class="card"><svg id="waterfall" viewBox="0 0 1000 150" preserveAspectRatio="none" style="height:9rem" role="img" aria-label="differences by query"></svg></div><p></p>
<div class="controls"><label>from<select id="from"></select></label><label>to<select id="to"></select></label><label>metric<select id="metric"></select></label>
<label>order<select id="order"></select></label><label${hidden}>has a document that was<select id="fate"></select></label><label>find<input type="search" id="find" placeholder="words of the query"></label><span class="count" id="count"></span></div>
<div id="queries"></div><noscript>The list of queries needs JavaScript; the result's JSON has all of it.</noscript></section>`
}
