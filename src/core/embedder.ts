import type { DenseWeight } from './dense-weight.ts'
import type { LexicalStatistics } from './lexical-index.ts'
import type { TenantId } from './model.ts'

/** All that decides what a vector means. With the chunker's fingerprint it makes the embedding space's id. */
export interface EmbedderProfile {
  readonly provider: string
  readonly model: string
  readonly revision: string
  readonly dimensions: number
  readonly normalized: boolean
  /** What became of the model's own vectors on the way, such as `int8` or `cut-from-3072`; absent where they are whole. */
  readonly representation?: string | undefined
  readonly queryPrefix: string
  readonly passagePrefix: string
  /** Longest input in the model's own tokens; a longer one is refused or cut by the provider. */
  readonly inputTokensMax: number
  /** True when a query's vector depends on the tenant's term statistics, so it may not outlive them in a cache. */
  readonly queryUsesStatistics: boolean
  /** Weight of the dense leg in fusion, with the lexical leg's as 1, when a collection states none. */
  readonly suggestedDenseWeight: DenseWeight
}

export interface EmbedCall {
  readonly tenant: TenantId
  readonly signal: AbortSignal
}

export interface QueryEmbedCall extends EmbedCall {
  readonly statistics: LexicalStatistics | null
}

export interface Embedded {
  readonly vectors: readonly Float32Array[]
  /** Tokens as the provider counted them, for the usage ledger. */
  readonly tokens: number
}

/** Texts to vectors of one space. Rejects with a `QuarryError`; never returns a zero or non-finite vector. */
export interface Embedder {
  readonly profile: EmbedderProfile
  embedPassages(texts: readonly string[], call: EmbedCall): Promise<Embedded>
  embedQuery(text: string, call: QueryEmbedCall): Promise<Embedded>
  /**
   * How far the model is at home in a text, from 0 (a language that it cannot tell apart) to 1; absent where it always
   * is. A collection that states no fusion weights has the dense leg weighed by it. Takes microseconds.
   */
  coverage?(text: string): number
  /** One tiny call to the model; rejects when it does not answer. */
  checkHealth(signal: AbortSignal): Promise<void>
  close(): Promise<void>
}
