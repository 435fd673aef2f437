/** What a generator has written for a document whose chunks it situates. */
export interface WrittenContexts {
  /** Hashes of the contexts that its chunks have now; its others are forgotten. */
  readonly contexts: readonly string[]
  /** Chunks of the serving part that had to do without. */
  readonly plainCount: number
}
