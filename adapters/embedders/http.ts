import { z } from 'zod'
import type { Embedder, EmbedderProfile } from '../../src/core/embedder.ts'
import { QuarryError } from '../../src/core/errors.ts'
import { callJson } from '../http.ts'
import { type AdapterContext, revealHeaders } from '../options.ts'
import { type Encoding, isWhole, type WireVector } from './encodings.ts'
import { type HttpEmbedderOptions, httpEmbedderOptions } from './options.ts'
import { estimateAll, inOrder, openRemote, type Post, type TextKind, wireVector } from './remote.ts'
import { readVector } from './vectors.ts'

type Settings = z.output<typeof httpEmbedderOptions>

interface Answer {
  readonly wires: readonly WireVector[]
  readonly tokens: number | undefined
}

interface Shape {
  readonly body: (settings: Settings, texts: readonly string[], kind: TextKind) => object
  readonly answer: (encoding: Encoding, count: number, upstream: string) => z.ZodType<Answer>
}

const dataAnswer: Shape['answer'] = (_encoding, count, upstream) =>
  z
    .object({
      data: z.array(z.object({ index: z.int().min(0), embedding: wireVector })),
      usage: z.object({ total_tokens: z.number().optional() }).nullish(),
    })
    .transform(({ data, usage }) => ({
      wires: inOrder(data, count, upstream),
      tokens: usage?.total_tokens,
    }))

const SHAPES: Readonly<Record<Settings['shape'], Shape>> = {
  /** Keyed by encoding and without an index: vectors come in the order of the texts. */
  cohere: {
    body: ({ model, encoding, truncate, ...settings }, texts, kind) => ({
      model,
      texts,
      input_type: kind === 'query' ? 'search_query' : 'search_document',
      embedding_types: [encoding],
      truncate: truncate ? 'END' : 'NONE',
      ...(settings.request_dimensions ? { output_dimension: settings.dimensions } : {}),
    }),
    answer: (encoding) =>
      z
        .object({
          embeddings: z.looseObject({ [encoding]: z.array(wireVector) }),
          meta: z
            .object({
              billed_units: z.object({ input_tokens: z.number().optional() }).nullish(),
            })
            .nullish(),
        })
        .transform(({ embeddings, meta }) => ({
          wires: embeddings[encoding] as readonly WireVector[],
          tokens: meta?.billed_units?.input_tokens,
        })),
  },
  voyage: {
    body: ({ model, encoding, truncate, ...settings }, input, kind) => ({
      model,
      input,
      input_type: kind === 'query' ? 'query' : 'document',
      output_dtype: isWhole(encoding) ? 'float' : encoding,
      ...(encoding === 'base64' ? { encoding_format: 'base64' } : {}),
      truncation: truncate,
      ...(settings.request_dimensions ? { output_dimension: settings.dimensions } : {}),
    }),
    answer: dataAnswer,
  },
  jina: {
    body: ({ model, encoding, truncate, ...settings }, input, kind) => ({
      model,
      input,
      task: kind === 'query' ? 'retrieval.query' : 'retrieval.passage',
      embedding_type: encoding,
      truncate,
      ...(settings.request_dimensions ? { dimensions: settings.dimensions } : {}),
    }),
    answer: dataAnswer,
  },
}

/**
 * A hosted model that is told what each text is for, and may send its vectors in fewer bits. Each is decoded to
 * float32 of length 1, so that nothing behind this adapter knows how it travelled.
 */
export async function openHttpEmbedder(
  options: HttpEmbedderOptions,
  context: AdapterContext = {},
): Promise<Embedder> {
  const settings = httpEmbedderOptions.parse(options)
  const name = `embedder ${settings.model}`
  const remote = {
    name,
    settings,
    post: createPoster(settings, name),
    profileOf: (dimensions: number) => profileOf(settings, dimensions),
    suspects: 'url, shape, model, request_dimensions, encoding and headers',
  }
  return await openRemote(remote, context)
}

function profileOf(settings: Settings, dimensions: number): EmbedderProfile {
  const { shape, model, revision, encoding } = settings
  return {
    provider: shape,
    model,
    revision,
    dimensions,
    normalized: true,
    ...(isWhole(encoding) ? {} : { representation: encoding }),
    queryPrefix: '',
    passagePrefix: '',
    inputTokensMax: settings.input_tokens_max,
    queryUsesStatistics: false,
    suggestedDenseWeight: 1,
  }
}

function createPoster(settings: Settings, upstream: string): Post {
  const shape = SHAPES[settings.shape]
  const { encoding } = settings
  return async (texts, kind, dimensions, signal) => {
    const { wires, tokens } = await callJson({
      upstream,
      url: settings.url,
      headers: revealHeaders(settings.headers, settings.api_key),
      body: shape.body(settings, texts, kind),
      schema: shape.answer(encoding, texts.length, upstream),
      signal,
      responseBytesMax: settings.response_bytes,
    })
    if (wires.length !== texts.length)
      throw new QuarryError(
        'upstream_failed',
        `${upstream} answered ${texts.length} texts with ${wires.length} vectors`,
      )
    const expected = { encoding, dimensions, normalize: true }
    return {
      vectors: wires.map((wire) => readVector(wire, expected, upstream)),
      tokens: tokens ?? estimateAll(texts),
    }
  }
}
