import { basename, resolve } from 'node:path'
import type { Embedded, Embedder, EmbedderProfile } from '../../src/core/embedder.ts'
import { QuarryError } from '../../src/core/errors.ts'
import { type ModelHost, openModelHost } from '../onnx/host.ts'
import type { ModelDescription } from '../onnx/protocol.ts'
import type { AdapterContext } from '../options.ts'
import { type OnnxEmbedderOptions, onnxEmbedderOptions } from './options.ts'

/** A BERT-family embedding model from a local folder, in processes of its own. */
export async function openOnnxEmbedder(
  options: OnnxEmbedderOptions,
  context: AdapterContext = {},
): Promise<Embedder> {
  const settings = onnxEmbedderOptions.parse(options)
  const model = settings.model ?? basename(resolve(settings.folder))
  const host = await openModelHost(
    {
      task: 'embed',
      name: `embedder ${model}`,
      batchItems: settings.batch_texts,
      pooling: settings.pooling,
      normalize: settings.normalize,
    },
    settings,
    context,
  )
  const profile = profileOf(model, settings, host.description)
  return {
    profile,
    embedPassages: async (texts, { signal }) => {
      refuseEmpty(texts)
      const prefixed = texts.map((text) => profile.passagePrefix + text)
      return await embed(host, prefixed, 'bulk', signal)
    },
    embedQuery: async (text, { signal }) => {
      refuseEmpty([text])
      return await embed(host, [profile.queryPrefix + text], 'query', signal)
    },
    checkHealth: async (signal) => {
      await embed(host, ['ok'], 'query', signal)
    },
    close: host.close,
  }
}

function profileOf(
  model: string,
  settings: {
    readonly query_prefix?: string | undefined
    readonly passage_prefix?: string | undefined
  },
  found: ModelDescription,
): EmbedderProfile {
  return {
    provider: 'onnx',
    model,
    revision: found.revision,
    dimensions: found.width,
    normalized: found.normalized,
    queryPrefix: settings.query_prefix ?? found.queryPrefix,
    passagePrefix: settings.passage_prefix ?? found.passagePrefix,
    inputTokensMax: found.tokensMax,
    queryUsesStatistics: false,
    suggestedDenseWeight: 1,
  }
}

async function embed(
  host: ModelHost,
  texts: readonly string[],
  lane: 'query' | 'bulk',
  signal: AbortSignal,
): Promise<Embedded> {
  const inputs = texts.map((text) => [text, null] as const)
  const { values, tokens } = await host.run(inputs, { lane, signal })
  const vectors = values.filter((vector) => vector !== undefined)
  vectors.forEach(check)
  return { vectors, tokens }
}

/** Weights that overflow, as some half-precision conversions do, show in the vectors. */
function check(vector: Float32Array, index: number): void {
  let squares = 0
  for (const value of vector) squares += value * value
  if (Number.isFinite(squares) && squares > 0) return
  throw new QuarryError(
    'upstream_failed',
    `the model made a ${squares === 0 ? 'zero' : 'non-finite'} vector of text ${index}`,
    { retryable: false, details: { index } },
  )
}

function refuseEmpty(texts: readonly string[]): void {
  const index = texts.indexOf('')
  if (index >= 0)
    throw new QuarryError('invalid_request', `text ${index} is empty`, { details: { index } })
}
