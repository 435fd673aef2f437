/** Every limit of the service: the least and the most it can be set to, and what it is when nobody sets it. */
export interface Limit {
  readonly min: number
  readonly default: number
  readonly max: number
  /** What it bounds and why; printed in docs/LIMITS.md. */
  readonly about: string
}

const limit = (min: number, normal: number, max: number, about: string): Limit => ({
  min,
  default: normal,
  max,
  about,
})

const KiB = 1024
const MiB = 1024 * KiB

export const LIMITS = {
  // A retrieval
  budgetMs: limit(5, 1_000, 30_000, 'time a retrieval may take, from arrival to answer'),
  topK: limit(1, 10, 200, 'hits of one answer'),
  candidates: limit(1, 100, 1_000, 'candidates that each leg proposes to fusion'),
  rerankDepth: limit(1, 50, 200, 'head of the fused list that a reranker sees'),
  queryBytes: limit(1, 8 * KiB, 64 * KiB, 'length of a query'),
  expandChunks: limit(0, 0, 10, 'neighbours added before or after a hit'),
  groupSize: limit(1, 3, 50, 'hits kept of one group'),
  promptTokens: limit(64, 4_000, 1_000_000, 'token budget of an assembled prompt'),
  pinnedDocuments: limit(0, 0, 20, 'documents pinned into a prompt'),
  // A filter
  filterDepth: limit(1, 8, 32, 'nesting of a filter'),
  filterConditions: limit(1, 64, 512, 'conditions in a filter'),
  filterValues: limit(1, 1_000, 10_000, 'values of one `in` or `nin`'),
  // A document
  documentBytes: limit(1, 10 * MiB, 100 * MiB, 'size of one document as sent'),
  documentIdBytes: limit(1, 256, 256, 'length of a document id in UTF-8'),
  metadataBytes: limit(0, 16 * KiB, 64 * KiB, 'metadata of one document as JSON'),
  metadataKeys: limit(0, 64, 256, 'metadata fields of one document'),
  batchDocuments: limit(1, 256, 1_000, 'documents of one batch request'),
  // Parsing, each in a child process of its own
  parseMs: limit(100, 30_000, 600_000, 'time to parse one document'),
  parseOutputChars: limit(KiB, 20_000_000, 200_000_000, 'text that one document may parse into'),
  parseDepth: limit(8, 512, 2_048, 'nesting of markup or JSON in a document'),
  parsePages: limit(1, 5_000, 50_000, 'pages of a PDF'),
  parseMemoryMiB: limit(64, 512, 4_096, 'memory of a parsing child'),
  // Chunking
  chunkTokens: limit(16, 384, 8_192, 'tokens of a chunk'),
  chunkOverlapTokens: limit(0, 0, 4_096, 'tokens that a chunk shares with the one before'),
  chunksPerDocument: limit(1, 50_000, 500_000, 'chunks of one document'),
  // Outside calls
  upstreamMs: limit(10, 30_000, 600_000, 'one call to a model or a store during ingestion'),
  upstreamResponseBytes: limit(KiB, 64 * MiB, 512 * MiB, 'decoded answer of a model or a store'),
  upstreamConcurrency: limit(1, 8, 256, 'calls under way at once to one model'),
  upstreamRetries: limit(0, 4, 10, 'retries of one call during ingestion'),
  embedBatchItems: limit(1, 64, 2_048, 'texts of one embedding call'),
  embedBatchTokens: limit(256, 100_000, 1_000_000, 'tokens of one embedding call'),
  // The server
  bodyBytes: limit(KiB, 12 * MiB, 128 * MiB, 'body of any request'),
  retrieveBodyBytes: limit(KiB, MiB, 8 * MiB, 'body of a retrieval'),
  headersMs: limit(100, 5_000, 60_000, 'time for a client to send its headers'),
  requestMs: limit(1_000, 60_000, 600_000, 'time for a client to send a whole request'),
  connections: limit(1, 2_048, 65_535, 'open connections'),
  waitIndexedMs: limit(0, 10_000, 120_000, 'wait for `?wait=indexed`'),
  drainMs: limit(0, 10_000, 120_000, 'time to finish what is under way on SIGTERM'),
  pageSize: limit(1, 50, 500, 'rows of one page of a list'),
  // Jobs
  jobConcurrency: limit(1, 2, 64, 'deliveries one worker process works on at once'),
  jobItems: limit(1, 64, 512, 'documents of one delivery'),
  jobAttempts: limit(1, 5, 50, 'tries before a document goes to the dead letters'),
  jobBackoffMs: limit(1, 1_000, 600_000, 'first wait before a retry; doubles each time'),
  jobLockMs: limit(
    1_000,
    30_000,
    600_000,
    'lease of a delivery; a dead worker is noticed after it',
  ),
  // Caches
  queryCacheEntries: limit(0, 10_000, 1_000_000, 'cached query vectors'),
  resultCacheEntries: limit(0, 1_000, 100_000, 'cached retrievals'),
  // The catalog
  databaseConnections: limit(2, 10, 200, 'connections to Postgres'),
  statementMs: limit(100, 30_000, 600_000, 'one statement in the catalog'),
  feedBatch: limit(1, 500, 5_000, 'changes an applier reads at once'),
  feedPollMs: limit(10, 250, 10_000, 'pause between looks at the change feed when nobody notifies'),
} as const satisfies Record<string, Limit>

export type LimitName = keyof typeof LIMITS
