import { FATES, type Fate } from '../../losses.ts'
import type { EvalResult } from '../../result/schema.ts'

/** What each fate means, for people. */
export const FATE_TEXTS: Readonly<Record<Fate, string>> = {
  kept: 'shown in the answer',
  search: 'proposed by no leg',
  ranking: 'proposed, but never near the top',
  fusion: 'at the top of a leg, lost by fusion',
  rerank: 'at the top after fusion, lost by the rest of the request',
}

/** All relevant documents as one bar, cut by what became of them; each part filters the queries below. */
export function lossBar({ losses }: EvalResult): string {
  if (losses === null) return ''
  const all = FATES.reduce((sum, fate) => sum + losses.counts[fate], 0)
  if (all === 0) return ''
  const parts = FATES.filter((fate) => losses.counts[fate] > 0).map((fate) => {
    const count = losses.counts[fate]
    const share = (count / all) * 100
    return `<button type="button" class="part fate-${fate}" data-fate="${fate}" style="flex-grow:${count}" title="${FATE_TEXTS[fate]}: ${count} of ${all}"><b>${count}</b>${share > 9 ? `<span>${fate}</span>` : ''}</button>`
  })
  const rows = FATES.map((fate) => {
    const count = losses.counts[fate]
    return `<tr><td><i class="dot fate-${fate}"></i>${fate}</td><td class="number">${count}</td><td class="number">${((count / all) * 100).toFixed(1)} %</td><td>${FATE_TEXTS[fate]}</td></tr>`
  })
  return `<div class="bar">${parts.join('')}</div><table class="slim"><tbody>${rows.join('')}</tbody></table>`
}
