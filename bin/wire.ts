/** The parts of the HTTP API's answers that the command line reads. */

export interface DocumentOnWire {
  readonly id: string
  readonly text?: string
  readonly content_base64?: string
  readonly media_type?: string
  readonly title?: string
  readonly source?: string
  readonly metadata?: Readonly<Record<string, unknown>>
}

/** What became of a document that did not come in. */
export interface Failure {
  readonly document: string
  readonly reason: string
}

/** One step of reading a source: a document, or why there is none. */
export type Item = { readonly document: DocumentOnWire } | { readonly failure: Failure }

export interface BatchAnswer {
  readonly job_id: string | null
  readonly documents: readonly {
    readonly id: string
    readonly revision: number
    readonly outcome: string
    readonly version: string
  }[]
}

export interface JobAnswer {
  readonly id: string
  readonly state: 'queued' | 'running' | 'done' | 'failed' | 'cancelled'
  readonly counts: {
    readonly total: number
    readonly done: number
    readonly dead: number
    readonly cancelled: number
    readonly waiting: number
  }
  readonly failures: readonly Failure[]
}

export interface HitOnWire {
  readonly id: string
  readonly document_id: string
  readonly text: string
  readonly title: string | null
  readonly headings: readonly string[]
  readonly page: number | null
  readonly span: { readonly start: number; readonly end: number }
  readonly score: number
  readonly relevance: number | null
  readonly explain?: {
    readonly dense: LegOnWire | null
    readonly lexical: LegOnWire | null
    readonly rerank: { readonly score: number; readonly rank: number } | null
  } | null
}

export interface LegOnWire {
  readonly rank: number
  readonly score: number
  readonly contribution: number
}

export interface RetrieveAnswer {
  readonly retrieval_id: string
  readonly hits: readonly HitOnWire[]
  readonly degraded: readonly {
    readonly stage: string
    readonly reason: string
    readonly fallback: string
  }[]
  readonly index: { readonly id: string; readonly space: string }
  readonly timings_ms: Readonly<Record<string, number>>
  readonly usage: Readonly<Record<string, unknown>>
  readonly prompt: {
    readonly messages?: readonly { readonly role: string; readonly content: unknown }[]
    readonly text?: string
    readonly tokens: number
    readonly tokenizer: string
    readonly citations: readonly unknown[]
    readonly dropped: readonly unknown[]
  } | null
}
