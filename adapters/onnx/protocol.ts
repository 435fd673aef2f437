import type { ErrorCode } from '../../src/core/errors.ts'

/** `embed`: a vector a text. `score`: a cross-encoder's logits a pair. `max_sim`: ColBERT's score a pair. */
export type ModelTask = 'embed' | 'score' | 'max_sim'

export type Pooling = 'mean' | 'cls' | 'last'

/** How a child works all its life: its one argument, as JSON. Null leaves it to the model's files. */
export interface ChildSettings {
  readonly task: ModelTask
  readonly folder: string
  readonly file: string | null
  readonly threads: number
  readonly tokensMax: number | null
  readonly batchTokens: number
  readonly pooling: Pooling | null
  readonly normalize: boolean | null
}

/** What the child found in the folder. */
export interface ModelDescription {
  /** Changes with anything that changes the answers: the graph's bytes, the vocabulary, pooling, lengths. */
  readonly revision: string
  /** Numbers in the answer to one text. */
  readonly width: number
  /** Longest text or pair in the model's tokens, the special ones included. */
  readonly tokensMax: number
  readonly normalized: boolean
  readonly queryPrefix: string
  readonly passagePrefix: string
}

/** A text, or a query with the document that is scored for it. */
export type ModelInput = readonly [first: string, second: string | null]

export interface Bundle {
  readonly inputs: readonly ModelInput[]
}

/** Answers to some of a bundle's inputs, one after another in `values`. */
export interface BatchAnswer {
  readonly kind: 'batch'
  readonly places: readonly number[]
  readonly values: Float32Array
  readonly tokens: readonly number[]
}

/** A child has one bundle at a time; `end` closes it, when every place has had its answer or its fault. */
export type ChildMessage =
  | { readonly kind: 'ready'; readonly description: ModelDescription }
  | { readonly kind: 'failed'; readonly code: ErrorCode; readonly message: string }
  | BatchAnswer
  | { readonly kind: 'fault'; readonly places: readonly number[]; readonly message: string }
  | { readonly kind: 'end' }
