import type { Evaluation } from '../evaluate.ts'
import type { TargetHit } from '../target.ts'
import type { EvalResult, QueryResult } from './schema.ts'

/** Of the documents that stand in some answer's first places or are relevant. */
const SHOWN_PLACES = 5
const DOCUMENTS_MAX = 20_000
const TEXT_CHARS = 700

/** Titles and beginnings of what a report shows: as a stage returned them, the rest from the corpus. */
export async function collectTexts(
  evaluation: Evaluation,
  queries: readonly QueryResult[],
): Promise<EvalResult['texts']> {
  const wanted = shownIn(queries)
  const texts = new Map<string, EvalResult['texts'][string]>()
  for (const { document, title, text } of hitsOf(evaluation))
    if (wanted.delete(document)) texts.set(document, { title: title ?? '', text: cut(text) })
  if (wanted.size > 0) await readOn(evaluation, wanted, texts)
  return Object.fromEntries(texts)
}

/** What is relevant and was never found is in the corpus alone. */
async function readOn(
  { dataset }: Evaluation,
  wanted: Set<string>,
  texts: Map<string, EvalResult['texts'][string]>,
): Promise<void> {
  for await (const { id, title, text } of dataset.corpus()) {
    if (wanted.delete(id)) texts.set(id, { title, text: cut(text) })
    if (wanted.size === 0) return
  }
}

function shownIn(queries: readonly QueryResult[]): Set<string> {
  const shown = new Set<string>()
  for (const { relevant, stages } of queries) {
    const tops = Object.values(stages).flatMap(({ top }) => top.slice(0, SHOWN_PLACES))
    for (const id of [...relevant.map(({ document }) => document), ...tops]) shown.add(id)
    if (shown.size >= DOCUMENTS_MAX) break
  }
  return shown
}

function* hitsOf({ stages }: Evaluation): Generator<TargetHit> {
  for (const answers of stages.values()) for (const { hits } of answers.values()) yield* hits
}

function cut(text: string): string {
  return text.length > TEXT_CHARS ? `${text.slice(0, TEXT_CHARS).trimEnd()}…` : text
}
