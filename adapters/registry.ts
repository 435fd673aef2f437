import type { z } from 'zod'
import type { Embedder } from '../src/core/embedder.ts'
import type { Generator } from '../src/core/generator.ts'
import type { Reranker } from '../src/core/reranker.ts'
import type { VectorStore } from '../src/core/vector-store.ts'
import {
  hashedOptions,
  httpEmbedderOptions,
  onnxEmbedderOptions,
  openAiCompatibleOptions,
  staticOptions,
} from './embedders/options.ts'
import { chatOptions } from './generators/options.ts'
import type { AdapterContext } from './options.ts'
import {
  httpRerankerOptions,
  lateInteractionOptions,
  lexicalOptions,
  onnxRerankerOptions,
} from './rerankers/options.ts'
import { localOptions } from './stores/local/options.ts'
import { pgvectorOptions } from './stores/pgvector/options.ts'
import type { VectorPool } from './stores/pgvector/session.ts'

export interface StoreContext extends AdapterContext {
  /** The catalog's own database, for a store that is given no other. */
  readonly pool?: VectorPool | undefined
}

/** A kind of adapter: what it can be told, as keys of a config file, and how it is opened. Its code loads only then. */
export interface Adapter<Opened, Context = AdapterContext> {
  readonly options: z.ZodType
  /** Takes options as written or as `options` parsed them. */
  open(options: unknown, context: Context): Promise<Opened>
}

function adapter<Schema extends z.ZodType, Opened, Context = AdapterContext>(
  options: Schema,
  open: (options: z.output<Schema>, context: Context) => Promise<Opened>,
): { options: Schema; open: (options: unknown, context: Context) => Promise<Opened> } {
  return { options, open: (given, context) => open(options.parse(given), context) }
}

export const EMBEDDERS = {
  hashed: adapter(hashedOptions, async (options) => {
    const { openHashed } = await import('./embedders/hashed.ts')
    return openHashed(options)
  }),
  static: adapter(staticOptions, async (options) => {
    const { openStatic } = await import('./embedders/static.ts')
    return await openStatic(options)
  }),
  'openai-compatible': adapter(openAiCompatibleOptions, async (options, context) => {
    const { openOpenAiCompatible } = await import('./embedders/openai-compatible.ts')
    return await openOpenAiCompatible(options, context)
  }),
  http: adapter(httpEmbedderOptions, async (options, context) => {
    const { openHttpEmbedder } = await import('./embedders/http.ts')
    return await openHttpEmbedder(options, context)
  }),
  onnx: adapter(onnxEmbedderOptions, async (options, context) => {
    const { openOnnxEmbedder } = await import('./embedders/onnx.ts')
    return await openOnnxEmbedder(options, context)
  }),
} satisfies Record<string, Adapter<Embedder>>

export const RERANKERS = {
  lexical: adapter(lexicalOptions, async () => {
    const { openLexical } = await import('./rerankers/lexical.ts')
    return openLexical()
  }),
  'late-interaction': adapter(lateInteractionOptions, async (options) => {
    const { openLateInteraction } = await import('./rerankers/late-interaction.ts')
    return await openLateInteraction(options)
  }),
  http: adapter(httpRerankerOptions, async (options, context) => {
    const { openHttpReranker } = await import('./rerankers/http.ts')
    return openHttpReranker(options, context)
  }),
  onnx: adapter(onnxRerankerOptions, async (options, context) => {
    const { openOnnxReranker } = await import('./rerankers/onnx.ts')
    return await openOnnxReranker(options, context)
  }),
  'onnx-colbert': adapter(onnxRerankerOptions, async (options, context) => {
    const { openOnnxColbert } = await import('./rerankers/onnx.ts')
    return await openOnnxColbert(options, context)
  }),
} satisfies Record<string, Adapter<Reranker>>

export const GENERATORS = {
  'openai-compatible': adapter(chatOptions, async (options, context) => {
    const { openChat } = await import('./generators/openai-compatible.ts')
    return openChat(options, context)
  }),
} satisfies Record<string, Adapter<Generator>>

export const STORES = {
  local: adapter(localOptions, async () => {
    const { openLocalEngine } = await import('./stores/local/open-local-engine.ts')
    return await openLocalEngine()
  }),
  pgvector: adapter(pgvectorOptions, async (options, context: StoreContext) => {
    const { openPgvectorStore } = await import('./stores/pgvector/store.ts')
    const pool = options.url === undefined ? context.pool : undefined
    return await openPgvectorStore({ ...options, pool })
  }),
} satisfies Record<string, Adapter<VectorStore, StoreContext>>
