import type { TenantId } from './model.ts'

/** All that decides what a generator writes. */
export interface GeneratorProfile {
  readonly provider: string
  readonly model: string
  readonly revision: string
}

export interface Instruction {
  /** What to do; the same for every call of a kind, and never anybody's text. */
  readonly system: string
  /** What to do it to, in order: what many calls have in common comes first, so that providers can cache it. */
  readonly material: readonly string[]
  /** Of the answer, in the model's own tokens. */
  readonly tokensMax: number
}

export interface GenerateCall {
  readonly tenant: TenantId
  /** Somebody waits for an answer to a query; ingestion can wait, and is tried again when the model is busy. */
  readonly waits: 'query' | 'ingest'
  readonly signal: AbortSignal
}

export interface GeneratorTokens {
  readonly input: number
  /** Of the input, what the provider had cached and bills lower. */
  readonly cached: number
  readonly output: number
}

export interface Generated {
  /** Never blank; cut off where the model ran into `tokensMax`. */
  readonly text: string
  /** As the provider counted them, for the usage ledger. */
  readonly tokens: GeneratorTokens
}

/**
 * A language model that writes short texts for the search: other wordings of a query, or where a chunk stands in its
 * document. Rejects with a `QuarryError`; `invalid_request` where the model refuses this very material.
 */
export interface Generator {
  readonly profile: GeneratorProfile
  generate(instruction: Instruction, call: GenerateCall): Promise<Generated>
  /** One tiny call to the model; rejects when it does not answer. */
  checkHealth(signal: AbortSignal): Promise<void>
  close(): Promise<void>
}

export const NO_TOKENS: GeneratorTokens = { input: 0, cached: 0, output: 0 }

export function addTokens(a: GeneratorTokens, b: GeneratorTokens): GeneratorTokens {
  return { input: a.input + b.input, cached: a.cached + b.cached, output: a.output + b.output }
}
