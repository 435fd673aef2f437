import type { z } from 'zod'
import type { Chunk } from '../../core/model.ts'
import type { Citation, Prompt } from '../../prompt/prompt.ts'
import type { Hit, RetrieveResponse } from '../../retrieve/request.ts'
import type { RetrieveAnswer, retrieveAnswer } from '../schemas/retrieve-answer.ts'

type HitAnswer = z.infer<typeof retrieveAnswer>['hits'][number]
type PromptAnswer = NonNullable<RetrieveAnswer['prompt']>

export function presentRetrieval(response: RetrieveResponse): RetrieveAnswer {
  const { usage } = response
  return {
    retrieval_id: response.retrievalId,
    hits: response.hits.map(presentHit),
    degraded: response.degraded.map((degraded) => ({ ...degraded })),
    under_filled: response.underFilled,
    index: response.index,
    timings_ms: response.timingsMs,
    usage: {
      embed_tokens: usage.embedTokens,
      rerank_documents: usage.rerankDocuments,
      generate_input_tokens: usage.generated.input,
      generate_cached_tokens: usage.generated.cached,
      generate_output_tokens: usage.generated.output,
      cache: usage.cache,
      query_vector_cache: usage.queryVectorCache,
    },
    prompt: response.prompt === null ? null : presentPrompt(response.prompt),
  }
}

function presentHit(hit: Hit): HitAnswer {
  return {
    id: hit.id,
    document_id: hit.documentId,
    text: hit.text,
    title: hit.title,
    headings: [...hit.headings],
    page: hit.page,
    ordinal: hit.ordinal,
    span: { start: hit.span.start, end: hit.span.end },
    score: hit.score,
    relevance: hit.relevance,
    metadata: hit.metadata as HitAnswer['metadata'],
    before: hit.before.map(presentNeighbour),
    after: hit.after.map(presentNeighbour),
    ...(hit.explain === null ? {} : { explain: hit.explain }),
  }
}

function presentNeighbour({ id, ordinal, text, span, page }: Chunk): HitAnswer['before'][number] {
  return { id, ordinal, text, span: { start: span.start, end: span.end }, page }
}

/** Ours come last, so that no provider field can stand in their place. */
function presentPrompt(prompt: Prompt): PromptAnswer {
  return Object.assign({}, prompt.body, {
    format: prompt.format,
    tokens: prompt.tokens,
    tokenizer: prompt.tokenizer,
    prefix_hash: prompt.prefixHash,
    citations: prompt.citations.map(presentCitation),
    dropped: prompt.dropped.map((dropped) => ({ ...dropped })),
  })
}

function presentCitation(citation: Citation): PromptAnswer['citations'][number] {
  const { n, chunkIds, documentId, title, span, page, pinned } = citation
  return {
    n,
    title,
    page,
    pinned,
    chunk_ids: [...chunkIds],
    document_id: documentId,
    span: { start: span.start, end: span.end },
  }
}
