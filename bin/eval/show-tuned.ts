import type { Choice, Tuned } from '../../eval/tune/tune.ts'
import { paint, table } from '../terminal.ts'

/** For people: what serves now, what would be best, what that is worth, and what to do. */
export function showTuned(tuned: Tuned, metric: string, written: object | null): string {
  const { queries, current, best, byFold, gain, legs } = tuned
  const agreeing = byFold.filter((fold) => settingsOf(fold) === settingsOf(best)).length
  const rows = [
    ['dense leg alone', legs.dense.toFixed(4), ''],
    ['lexical leg alone', legs.lexical.toFixed(4), ''],
    ['as it serves now', current.toFixed(4), ''],
    ['best on these queries', best.mean.toFixed(4), settingsOf(best)],
  ]
  const lines = [
    `${queries} queries, ${metric}`,
    '',
    table(rows),
    '',
    `On queries that were not looked at: ${signed(gain.difference)} (95 % from ${signed(gain.low)} to ${signed(gain.high)}, p ${gain.p.toFixed(3)}); ${agreeing} of ${byFold.length} folds chose the same.`,
    paint(tuned.isBetter ? 'green' : 'dim', adviceOf(tuned)),
  ]
  if (written !== null) lines.push(`Written: ${JSON.stringify(written)}`)
  return `${lines.join('\n')}\n`
}

function adviceOf({ isBetter, best, current, legs }: Tuned): string {
  const better = Math.max(legs.dense, legs.lexical)
  const below = current < better ? ' What serves now is below its better leg alone.' : ''
  if (!isBetter) return `Keep what you have: the gain is within chance.${below}`
  const { fusion, candidates, policy } = best
  const change = JSON.stringify({ fusion, candidates })
  const index =
    Object.keys(policy).length === 0
      ? ''
      : ` It needs a collection that is indexed with ${JSON.stringify(policy)}.`
  return `Worth taking: ${change}.${index}${below}`
}

function settingsOf({ variant, fusion, candidates }: Choice): string {
  const { method, k, weights } = fusion
  const rank = method === 'rrf' ? ` k ${k}` : ''
  return `${variant}: ${method}${rank}, dense ${weights.dense}, lexical ${weights.lexical}, ${candidates} candidates`
}

function signed(value: number): string {
  return `${value < 0 ? '−' : '+'}${Math.abs(value).toFixed(4)}`
}
