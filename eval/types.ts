/** A document's grade for a query; 0 is judged irrelevant, and a document that is not named was never judged. */
export type Judgments = ReadonlyMap<string, number>

/** Judgments by query id: TREC's qrels. */
export type Qrels = ReadonlyMap<string, Judgments>

export interface EvalQuery {
  readonly id: string
  readonly text: string
}

export interface EvalDocument {
  readonly id: string
  readonly title: string
  readonly text: string
}

/** Queries with judgments, and what they ask about where the source holds it. */
export interface Dataset {
  readonly name: string
  readonly queries: readonly EvalQuery[]
  readonly qrels: Qrels
  /** Read anew at every call, since a corpus may not fit in memory. */
  readonly corpus: () => AsyncIterable<EvalDocument>
}

export interface Ranked {
  readonly id: string
  readonly score: number
  /** That a prompt spends on it; absent where nobody counted. */
  readonly tokens?: number | undefined
}

/** Answers by query id, each ordered as the system ordered them. A query that is missing counts as answered by nothing. */
export type Run = ReadonlyMap<string, readonly Ranked[]>
