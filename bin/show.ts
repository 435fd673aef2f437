import { paint, widthOfTerminal, wrap } from './terminal.ts'
import type { HitOnWire, LegOnWire, RetrieveAnswer } from './wire.ts'

export interface ShowOptions {
  readonly hitsMax: number
  /** Characters of a hit's text; the rest is cut with an ellipsis. */
  readonly textMax?: number
}

/** An answer of `/retrieve` as a person reads it: hits, scores by leg, what was degraded, the prompt, the timings. */
export function showAnswer(
  query: string,
  answer: RetrieveAnswer,
  { hitsMax, textMax = 280 }: ShowOptions,
): string {
  const width = widthOfTerminal()
  const parts = [paint('bold', query)]
  if (answer.hits.length === 0) parts.push('  nothing found')
  for (const [index, hit] of answer.hits.slice(0, hitsMax).entries())
    parts.push(showHit(index + 1, hit, width, textMax))
  for (const { stage, reason, fallback } of answer.degraded)
    parts.push(paint('yellow', `  ! ${stage}: ${reason} → ${fallback}`))
  if (answer.prompt !== null) parts.push(showPrompt(answer.prompt, width))
  parts.push(paint('dim', `  ${timingsOf(answer)}   ${answer.index.space}`))
  return `${parts.join('\n')}\n`
}

function showHit(rank: number, hit: HitOnWire, width: number, textMax: number): string {
  const place = [hit.document_id, ...hit.headings.slice(-2)].join(' › ')
  const page = hit.page === null ? '' : ` (page ${hit.page})`
  const text = hit.text.length > textMax ? `${hit.text.slice(0, textMax).trimEnd()}…` : hit.text
  return [
    `${paint('green', String(rank).padStart(3))}  ${paint('cyan', place)}${page}`,
    paint('dim', `     ${scoresOf(hit)}`),
    wrap(text, width, '     '),
  ].join('\n')
}

/** `fused .0325   dense #1 .830   lexical #3 7.20   rerank #1 .81` */
function scoresOf(hit: HitOnWire): string {
  const scores = [`score ${hit.score.toFixed(4)}`]
  const explain = hit.explain
  if (explain === null || explain === undefined) return scores.join('   ')
  const leg = (name: string, part: LegOnWire | null): void => {
    scores.push(part === null ? `${name} –` : `${name} #${part.rank} ${part.score.toFixed(3)}`)
  }
  leg('dense', explain.dense)
  leg('lexical', explain.lexical)
  if (explain.rerank !== null)
    scores.push(`rerank #${explain.rerank.rank} ${explain.rerank.score.toFixed(3)}`)
  if (hit.relevance !== null) scores.push(`relevance ${hit.relevance.toFixed(2)}`)
  return scores.join('   ')
}

function showPrompt(prompt: NonNullable<RetrieveAnswer['prompt']>, width: number): string {
  const rule = paint(
    'dim',
    `  ┌─ prompt: ${prompt.tokens} tokens (${prompt.tokenizer}), ${prompt.citations.length} citations, ${prompt.dropped.length} dropped `.padEnd(
      width,
      '─',
    ),
  )
  const body =
    prompt.text ??
    (prompt.messages ?? [])
      .map(
        ({ role, content }) =>
          `${role}: ${typeof content === 'string' ? content : JSON.stringify(content)}`,
      )
      .join('\n')
  const lines = body
    .split('\n')
    .flatMap((line) => (line === '' ? [''] : wrap(line, width - 4, '').split('\n')))
  return [
    rule,
    ...lines.map((line) => `${paint('dim', '  │')} ${line}`),
    paint('dim', `  └${'─'.repeat(width - 3)}`),
  ].join('\n')
}

function timingsOf({ timings_ms }: RetrieveAnswer): string {
  return Object.entries(timings_ms)
    .map(([stage, ms]) => `${stage} ${ms.toFixed(1)}`)
    .join(' · ')
    .concat(' ms')
}
