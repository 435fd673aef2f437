import { z } from 'zod'
import { QuarryError } from '../../src/core/errors.ts'
import type { RerankCandidate, Reranker, RerankScore } from '../../src/core/reranker.ts'
import { callJson } from '../http.ts'
import { type AdapterContext, revealHeaders } from '../options.ts'
import { createUpstream } from '../upstream.ts'
import { type HttpRerankerOptions, httpRerankerOptions } from './options.ts'

type Settings = z.output<typeof httpRerankerOptions>

interface Scored {
  readonly index: number
  readonly score: number
}

interface Shape {
  readonly body: (model: string, query: string, documents: readonly string[]) => object
  readonly answer: z.ZodType<readonly Scored[]>
}

const scored = (entry: { index: number; relevance_score: number }): Scored => ({
  index: entry.index,
  score: entry.relevance_score,
})
const index = z.int().min(0)
const relevanceEntry = z.object({ index, relevance_score: z.number() }).transform(scored)

const SHAPES: Readonly<Record<Settings['shape'], Shape>> = {
  cohere: {
    body: (model, query, documents) => ({ model, query, documents, top_n: documents.length }),
    answer: z.object({ results: z.array(relevanceEntry) }).transform(({ results }) => results),
  },
  voyage: {
    body: (model, query, documents) => ({ model, query, documents, top_k: documents.length }),
    answer: z.object({ data: z.array(relevanceEntry) }).transform(({ data }) => data),
  },
  tei: {
    body: (_model, query, texts) => ({ query, texts, raw_scores: false, truncate: true }),
    answer: z.array(z.object({ index, score: z.number() })),
  },
  nim: {
    body: (model, query, documents) => ({
      model,
      query: { text: query },
      passages: documents.map((text) => ({ text })),
      truncate: 'END',
    }),
    answer: z
      .object({ rankings: z.array(z.object({ index, logit: z.number() })) })
      .transform(({ rankings }) =>
        rankings.map(({ index, logit }) => ({ index, score: 1 / (1 + Math.exp(-logit)) })),
      ),
  },
}

/** A hosted or self-hosted reranker. More candidates than one call takes are split; the calls run side by side. */
export function openHttpReranker(
  options: HttpRerankerOptions,
  context: AdapterContext = {},
): Reranker {
  const settings = httpRerankerOptions.parse(options)
  const name = `reranker ${settings.model}`
  const upstream = createUpstream({
    name,
    concurrency: settings.concurrency,
    breaker: { failuresMax: settings.breaker_failures, openMs: settings.breaker_open_ms },
    onBreaker: context.onBreaker,
  })
  const lane = upstream.lane(settings.timeout_ms)
  const post = (query: string, documents: readonly string[], signal: AbortSignal) =>
    postRerank(settings, name, query, documents, signal)

  return {
    name: settings.model,
    calibrated: settings.calibrated,
    rerank: async (query, candidates, { signal }) => {
      const parts = split(candidates, settings.documents_max)
      const answers = await Promise.all(
        parts.map(async (part) => {
          const documents = part.map(({ context, text }) => `${context}\n${text}`.trim())
          const found = await lane((wire) => post(query, documents, wire), signal)
          return found.map((entry) => toScore(part, entry, settings.calibrated))
        }),
      )
      return { scores: answers.flat(), documents: candidates.length }
    },
    checkHealth: async (signal) => {
      await post('ok', ['ok'], signal)
    },
    close: async () => {},
  }
}

async function postRerank(
  settings: Settings,
  upstream: string,
  query: string,
  documents: readonly string[],
  signal: AbortSignal,
): Promise<readonly Scored[]> {
  const shape = SHAPES[settings.shape]
  const answer = await callJson({
    upstream,
    url: settings.url,
    headers: revealHeaders(settings.headers, settings.api_key),
    body: shape.body(settings.model, query, documents),
    schema: shape.answer,
    signal,
    responseBytesMax: settings.response_bytes,
  })
  const seen = new Set(answer.map((entry) => entry.index))
  const sound = answer.every((entry) => entry.index < documents.length)
  if (seen.size !== answer.length || !sound || answer.length !== documents.length)
    throw new QuarryError(
      'upstream_failed',
      `${upstream} answered ${documents.length} documents with ${answer.length} scores, repeated an index or made one up`,
    )
  return answer
}

function toScore(
  candidates: readonly RerankCandidate[],
  entry: Scored,
  calibrated: boolean,
): RerankScore {
  const candidate = candidates[entry.index]
  if (candidate === undefined)
    throw new QuarryError('internal', `no candidate at place ${entry.index}`)
  const relevance = calibrated ? Math.min(1, Math.max(0, entry.score)) : null
  return { id: candidate.id, score: entry.score, relevance }
}

function split<T>(items: readonly T[], size: number): T[][] {
  const parts: T[][] = []
  for (let i = 0; i < items.length; i += size) parts.push(items.slice(i, i + size))
  return parts
}
