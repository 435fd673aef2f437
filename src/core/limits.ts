/**
 * Who sets a limit: the service's config under `limits`, a collection's policy, an adapter's own options, or nobody,
 * because clients and stored data rely on it.
 */
export type LimitSetter = 'config' | 'policy' | 'adapter' | 'fixed'

/** The least and the most a limit can be set to, and what it is when nobody sets it. */
export interface Limit<Setter extends LimitSetter = LimitSetter> {
  readonly setter: Setter
  readonly min: number
  readonly default: number
  readonly max: number
  /** What it bounds and why; printed in docs/LIMITS.md. */
  readonly about: string
}

const setBy =
  <Setter extends LimitSetter>(setter: Setter) =>
  (min: number, normal: number, max: number, about: string): Limit<Setter> => ({
    setter,
    min,
    default: normal,
    max,
    about,
  })

const limit = setBy('config')
const ofPolicy = setBy('policy')
const ofAdapter = setBy('adapter')
const fixed = (value: number, about: string): Limit<'fixed'> =>
  setBy('fixed')(value, value, value, about)

const KiB = 1024
const MiB = 1024 * KiB

export const LIMITS = {
  // A retrieval
  budgetMs: limit(
    5,
    1_000,
    30_000,
    'time a retrieval may take, from arrival to answer, when the request does not say',
  ),
  topK: limit(1, 10, 200, 'hits of an answer when the request does not say'),
  candidates: ofPolicy(1, 100, 1_000, 'candidates that each leg proposes to fusion'),
  rerankDepth: ofPolicy(1, 50, 200, 'head of the fused list that a reranker sees'),
  expansionQueries: ofPolicy(1, 3, 8, 'wordings of a query that a generator is asked for'),
  rerankReserveMs: limit(
    0,
    250,
    10_000,
    'most time kept from the search legs for the reranker; never above 30 % of the budget',
  ),
  finishReserveMs: limit(
    0,
    25,
    5_000,
    'most time kept for reading, expanding and assembling; never above 15 % of the budget',
  ),
  queryBytes: limit(1, 8 * KiB, 64 * KiB, 'length of a query'),
  expandChunks: limit(0, 10, 10, 'neighbours that may be added before or after a hit'),
  groupSize: limit(1, 3, 50, 'hits kept of one group when the request does not say'),
  promptTokens: limit(
    64,
    4_000,
    1_000_000,
    'token budget of a prompt when the request does not say',
  ),
  pinnedDocuments: fixed(20, 'documents pinned into a prompt'),
  // A filter
  filterDepth: limit(1, 8, 32, 'nesting of a filter'),
  filterConditions: limit(1, 64, 512, 'conditions in a filter'),
  filterValues: limit(1, 1_000, 10_000, 'values of one `in` or `nin`'),
  // A document
  documentBytes: limit(1, 10 * MiB, 100 * MiB, 'size of one document as sent'),
  documentIdBytes: fixed(256, 'length of a document id in UTF-8'),
  metadataBytes: limit(0, 16 * KiB, 64 * KiB, 'metadata of one document as JSON'),
  metadataKeys: limit(0, 64, 256, 'metadata fields of one document'),
  batchDocuments: limit(1, 256, 1_000, 'documents of one batch request'),
  metadataKeyChars: fixed(128, 'length of a metadata field name'),
  titleChars: limit(1, 1_024, 4_096, 'length of a document title'),
  sourceChars: limit(1, 2_048, 8_192, 'length of a document source'),
  // Parsing, each in a child process of its own
  parseMs: limit(100, 30_000, 600_000, 'time to parse one document'),
  parseOutputChars: limit(KiB, 20_000_000, 200_000_000, 'text that one document may parse into'),
  parseDepth: limit(8, 512, 2_048, 'nesting of markup or JSON in a document'),
  parsePages: limit(1, 5_000, 50_000, 'pages of a PDF'),
  parseLineChars: limit(KiB, 4 * MiB, 64 * MiB, 'one line of JSONL'),
  parseMemoryMiB: limit(256, 512, 4_096, 'memory of a parsing child'),
  parseChildren: limit(1, 2, 64, 'parsing children of one process'),
  // Chunking
  chunkTokens: ofPolicy(16, 448, 8_192, 'tokens of a chunk'),
  chunkOverlapTokens: ofPolicy(0, 0, 4_096, 'tokens that a chunk shares with the one before'),
  chunksPerDocument: limit(1, 50_000, 500_000, 'chunks of one document'),
  enrichmentTokens: ofPolicy(
    16,
    100,
    500,
    'tokens of the context that a generator writes for a chunk',
  ),
  enrichmentDocumentTokens: ofPolicy(
    256,
    32_000,
    1_000_000,
    'tokens of a document that a generator is shown at once; of a longer one it sees the section around the chunk',
  ),
  enrichmentConcurrency: limit(
    1,
    4,
    64,
    'chunks of one document that wait for their context at once',
  ),
  // Outside calls
  upstreamMs: limit(10, 30_000, 600_000, 'one call to a model or a store during ingestion'),
  upstreamQueryMs: ofAdapter(
    10,
    2_000,
    60_000,
    'one call to a model for a query; the wire lives this long even when the caller has given up, so that the breaker sees the truth',
  ),
  upstreamRetryWaitMs: ofAdapter(
    0,
    30_000,
    600_000,
    'longest wait that a `Retry-After` may ask for',
  ),
  upstreamResponseBytes: ofAdapter(
    KiB,
    64 * MiB,
    512 * MiB,
    'decoded answer of a model or a store',
  ),
  upstreamConcurrency: ofAdapter(1, 8, 256, 'calls under way at once to one model'),
  upstreamRetries: ofAdapter(0, 4, 10, 'retries of one call during ingestion'),
  embedBatchItems: limit(1, 64, 2_048, 'texts of one embedding call'),
  embedBatchTokens: ofAdapter(256, 100_000, 1_000_000, 'tokens of one embedding call'),
  embedBatchBytes: ofAdapter(KiB, 1_500 * KiB, 64 * MiB, 'bytes of text of one embedding call'),
  embedBatchWindowMs: ofAdapter(0, 4, 1_000, 'wait for more texts before an embedding call leaves'),
  breakerFailures: ofAdapter(1, 5, 1_000, 'failures in a row that open the circuit to a model'),
  breakerOpenMs: ofAdapter(
    1,
    5_000,
    600_000,
    'pause before an open circuit lets one call try again',
  ),
  generateQueryMs: ofAdapter(
    10,
    10_000,
    60_000,
    'one call to a generator for a query; the wire lives this long even when the caller has given up, so that the breaker sees the truth',
  ),
  generateResponseBytes: ofAdapter(KiB, MiB, 16 * MiB, 'decoded answer of a generator'),
  rerankDocuments: ofAdapter(1, 100, 1_000, 'documents of one reranking call; more are split'),
  rerankResponseBytes: ofAdapter(KiB, 2 * MiB, 64 * MiB, 'decoded answer of a reranker'),
  // A model in a child process
  onnxProcesses: ofAdapter(
    1,
    1,
    64,
    'processes that hold one model; with two or more, one is kept free of ingestion',
  ),
  onnxThreads: ofAdapter(1, 1, 256, 'cores that one run of a model computes on'),
  onnxMemoryMiB: ofAdapter(
    64,
    2_048,
    262_144,
    'resident memory of a model process; one that grows beyond it is ended and started again',
  ),
  onnxBatchTokens: ofAdapter(64, 512, 65_536, 'tokens of one run of a model, padding included'),
  onnxBatchTexts: ofAdapter(1, 32, 1_024, 'texts of one run of an embedding model'),
  onnxBatchPairs: ofAdapter(
    1,
    4,
    256,
    'candidates of one run of a reranking model, and so between two looks at the deadline',
  ),
  onnxQueue: ofAdapter(
    1,
    4_096,
    1_000_000,
    'texts that may wait for a model, of queries and of ingestion each; a call beyond is told to come back',
  ),
  onnxStartMs: ofAdapter(1_000, 60_000, 600_000, 'time for a model process to load its model'),
  onnxRunMs: ofAdapter(
    100,
    30_000,
    600_000,
    'one run of a model; a process that needs longer hangs, and is ended and started again',
  ),
  onnxGraceMs: ofAdapter(
    0,
    250,
    60_000,
    'a run that nobody waits for any more may go on so long before its process is ended; a new one must load the model',
  ),
  // The server
  bodyBytes: limit(KiB, 12 * MiB, 128 * MiB, 'body of any request'),
  retrieveBodyBytes: limit(
    KiB,
    128 * KiB,
    MiB,
    'body of a retrieval, a policy, a key, a golden query or an eval; it is read on the serving thread',
  ),
  bodiesInFlightBytes: limit(
    MiB,
    256 * MiB,
    8 * 1024 * MiB,
    'bodies being received or handled at once',
  ),
  jsonDepth: fixed(64, 'nesting of a JSON body'),
  jsonContainers: fixed(100_000, 'objects and arrays in a JSON body'),
  headerBytes: limit(4 * KiB, 32 * KiB, 128 * KiB, 'all headers of a request together'),
  headers: limit(16, 64, 256, 'headers of a request'),
  keepAliveMs: limit(
    1_000,
    75_000,
    600_000,
    'idle time of a kept connection; above that of the load balancer',
  ),
  idempotencyKeyChars: fixed(128, 'length of an Idempotency-Key'),
  eventsMs: limit(1_000, 300_000, 3_600_000, 'life of one event stream; clients reconnect'),
  headersMs: limit(100, 5_000, 60_000, 'time for a client to send its headers'),
  requestMs: limit(1_000, 60_000, 600_000, 'time for a client to send a whole request'),
  connections: limit(1, 2_048, 65_535, 'open connections'),
  waitIndexedMs: limit(
    0,
    10_000,
    120_000,
    'wait for `?wait=indexed` when the request does not say',
  ),
  drainNoticeMs: limit(
    0,
    1_000,
    120_000,
    'time that a process keeps serving after SIGTERM while `/readyz` already says no, for balancers to notice',
  ),
  drainMs: limit(0, 10_000, 120_000, 'time to finish what is under way on SIGTERM'),
  pageSize: limit(1, 50, 500, 'rows of one page of a list when the request does not say'),
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
  jobWaiting: limit(
    1,
    32,
    1_024,
    'deliveries that may wait in the queue; the rest stay in the outbox',
  ),
  jobPollMs: limit(10, 1_000, 60_000, 'pause between looks at the outbox when nobody notifies'),
  jobWaveChunks: limit(
    1,
    2_000,
    100_000,
    'chunks of one delivery held and embedded together; a larger document goes alone',
  ),
  jobFailures: fixed(100, 'failed documents that a job names'),
  // Golden queries and evals
  goldenQueries: limit(1, 10_000, 100_000, 'golden queries that a tenant keeps in one collection'),
  goldenImport: limit(1, 10_000, 100_000, 'golden queries of one import; all of them or none'),
  goldenJudgments: limit(1, 2_000, 20_000, 'judged documents of one golden query'),
  goldenGrade: fixed(100, 'grade of a judged document'),
  goldenNoteChars: fixed(4_096, 'length of a note on a golden query'),
  goldenTags: fixed(32, 'tags of a golden query, each up to 64 characters'),
  goldenMissing: fixed(100, 'judged documents that an answer names as missing from the collection'),
  recalledBytes: limit(
    0,
    8 * MiB,
    1024 * MiB,
    'memory for the latest retrievals, so that one can be promoted to a golden query by its id; 0 remembers none',
  ),
  evalConcurrency: limit(
    1,
    1,
    8,
    'evals that run at once in one process, each asking one question at a time; the others wait',
  ),
  evalSample: limit(
    1,
    2_000,
    20_000,
    'golden queries that one eval asks; where there are more, the request must say how many',
  ),
  evalMs: limit(1_000, 3_600_000, 86_400_000, 'time one eval may run before it fails'),
  evalYieldMs: limit(
    0,
    1_000,
    60_000,
    'longest wait of an eval before each of its queries while callers are being served',
  ),
  evalLeaseMs: limit(
    1_000,
    30_000,
    600_000,
    'an eval whose process has not spoken for so long counts as interrupted',
  ),
  evalsOpen: limit(1, 4, 64, 'evals of one tenant that wait or run'),
  evalsKept: limit(
    1,
    50,
    1_000,
    'finished evals that a tenant keeps in one collection; the oldest go',
  ),
  evalSetLineBytes: fixed(
    16 * MiB,
    'one line of a file of queries, documents, judgments or results that an eval reads',
  ),
  evalSetQueries: fixed(1_000_000, 'queries of a set that an eval reads'),
  evalSetJudgments: fixed(10_000_000, 'judgments of a set that an eval reads'),
  evalSetDocuments: fixed(15_000_000, 'documents of a set that an eval reads'),
  evalRunResults: fixed(10_000_000, 'ranked documents of one run file'),
  evalArchiveBytes: fixed(8 * 1024 * MiB, 'archive of a public set that `eval fetch` downloads'),
  evalArchiveFiles: fixed(1_000, 'files in such an archive'),
  evalArchiveRatio: fixed(100, 'unpacked bytes over packed ones of a file above 1 MiB in it'),
  evalUnpackedBytes: fixed(40 * 1024 * MiB, 'all files of such an archive together'),
  evalFetchIdleMs: fixed(30_000, 'silence of the server that a set is downloaded from'),
  // Repeated requests
  idempotencyMs: limit(60_000, 86_400_000, 86_400_000, 'answers kept by Idempotency-Key'),
  idempotencyRunMs: limit(
    1_000,
    300_000,
    3_600_000,
    'a request with an Idempotency-Key that never ended blocks its key so long',
  ),
  // Caches
  queryCacheEntries: limit(
    0,
    10_000,
    1_000_000,
    'cached query vectors, and as many rewordings of queries',
  ),
  resultCacheEntries: limit(0, 1_000, 100_000, 'cached retrievals'),
  resultCacheChars: limit(0, 200_000, 10_000_000, 'text of the longest retrieval that is cached'),
  aliasCacheMs: limit(
    0,
    1_000,
    1_000,
    'how long a query node may serve a policy or an index without asking the catalog again',
  ),
  // The local engine
  engineMemoryBytes: limit(
    64 * MiB,
    4 * 1024 * MiB,
    1024 * 1024 * MiB,
    'memory for segments and deltas; shards that are not in use leave it, and one that does not fit is refused',
  ),
  engineDeltaRows: limit(
    64,
    4_096,
    65_536,
    'chunks written to a shard before they become a segment',
  ),
  engineSealMs: limit(
    100,
    30_000,
    3_600_000,
    'longest time that a written chunk is in no segment, and so is read from the feed again after a crash',
  ),
  // The catalog
  databaseConnections: limit(2, 10, 200, 'connections to Postgres'),
  databaseWaitMs: limit(100, 60_000, 600_000, 'wait for a turn at the embedded database'),
  statementMs: limit(100, 30_000, 600_000, 'one statement in the catalog'),
  applierLeaseMs: limit(
    1_000,
    30_000,
    600_000,
    'lease on feeding an index of a shared store; a dead applier is replaced after it',
  ),
  feedBatch: limit(1, 500, 5_000, 'changes an applier reads at once'),
  feedPollMs: limit(10, 250, 10_000, 'pause between looks at the change feed when nobody notifies'),
} as const satisfies Record<string, Limit>

export type LimitName = keyof typeof LIMITS

export type LimitOf<Setter extends LimitSetter> = {
  [Name in LimitName]: (typeof LIMITS)[Name]['setter'] extends Setter ? Name : never
}[LimitName]

/** The limits in force, as the config has set them. */
export type Limits = Readonly<Record<LimitOf<'config'>, number>>

/** Those that the config can set. */
export const CONFIG_LIMITS = Object.fromEntries(
  Object.entries(LIMITS).filter(([, { setter }]) => setter === 'config'),
) as Readonly<Record<LimitOf<'config'>, Limit>>

/** In force when the config says nothing. */
export const DEFAULT_LIMITS = Object.fromEntries(
  Object.entries(CONFIG_LIMITS).map(([name, each]) => [name, each.default]),
) as Limits
