import { z } from 'zod'
import { FATES } from '../losses.ts'
import { STAGES } from '../target.ts'

/** Changes when a reader of the old form would misread the new one. */
export const RESULT_FORMAT = 'quarry-eval/1'

const estimate = z.strictObject({
  /** Over the queries that were answered in full. */
  mean: z.number(),
  /** 95 % interval of the mean, by bootstrap over queries. */
  low: z.number(),
  high: z.number(),
})

const stage = z.enum(STAGES)

const latency = z.strictObject({
  answers: z.int(),
  p50: z.number(),
  p95: z.number(),
  p99: z.number(),
  parts: z.record(z.string(), z.number()),
})

const stageResult = z.strictObject({
  stage,
  /** By metric; empty when no query was answered in full. */
  metrics: z.record(z.string(), estimate),
  /** Means over all queries, with degraded answers as they were and failed ones as 0; null when every answer was whole. */
  as_answered: z.record(z.string(), z.number()).nullable(),
  answers: z.strictObject({
    asked: z.int(),
    whole: z.int(),
    degraded: z.int(),
    failed: z.int(),
    cached: z.int(),
    /** How often each part was missing, as `rerank deadline`. */
    reasons: z.record(z.string(), z.int()),
  }),
  latency_ms: latency.nullable(),
})

const queryStage = z.strictObject({
  state: z.enum(['whole', 'degraded', 'failed']),
  metrics: z.record(z.string(), z.number()),
  /** Ids of the first documents, best first. */
  top: z.array(z.string()),
  latency_ms: z.number(),
})

const queryResult = z.strictObject({
  id: z.string(),
  text: z.string(),
  relevant: z.array(
    z.strictObject({
      document: z.string(),
      grade: z.number(),
      /** Place by stage; a stage that did not show it is left out. */
      ranks: z.partialRecord(stage, z.int()),
      fate: z.enum(FATES).nullable(),
    }),
  ),
  stages: z.partialRecord(stage, queryStage),
})

/** One evaluation as a file: what was asked of what, every score with its interval, and every query by itself. */
export const resultSchema = z.strictObject({
  format: z.literal(RESULT_FORMAT),
  name: z.string(),
  created_at: z.iso.datetime(),
  quarry_version: z.string(),
  dataset: z.strictObject({
    name: z.string(),
    queries: z.int(),
    judgments: z.int(),
    /** Hashes of what decides whether two results may be compared. */
    queries_hash: z.string(),
    judgments_hash: z.string(),
  }),
  target: z.strictObject({
    kind: z.enum(['passages', 'ingested', 'collection']),
    name: z.string(),
    settings: z.record(z.string(), z.unknown()),
  }),
  /** Chunks asked of each stage. */
  depth: z.int(),
  metrics: z.array(z.string()),
  stages: z.array(stageResult),
  /** Stages that the target does not have, and why. */
  missing: z.partialRecord(stage, z.string()),
  losses: z
    .strictObject({
      k: z.int(),
      counts: z.record(z.enum(FATES), z.int()),
      lifted: z.strictObject({ fusion: z.int(), rerank: z.int() }),
      candidate_recall: z.number(),
    })
    .nullable(),
  /** How much of the truly nearest the index finds; null where nobody can compare. */
  neighbour_recall: z.strictObject({ k: z.int(), recall: z.number(), queries: z.int() }).nullable(),
  /** What a reader should know before trusting or changing anything. */
  findings: z.array(z.strictObject({ level: z.enum(['warning', 'note']), text: z.string() })),
  queries: z.array(queryResult),
  /** Title and beginning of the documents that a report shows. */
  texts: z.record(z.string(), z.strictObject({ title: z.string(), text: z.string() })),
})

export type EvalResult = z.output<typeof resultSchema>
export type StageResult = z.output<typeof stageResult>
export type QueryResult = z.output<typeof queryResult>
