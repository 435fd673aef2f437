import { z } from 'zod'
import { nextCursor, text, timestamp } from './common.ts'

export const jobParams = z.strictObject({ job: text.min(1).max(128) })

export const jobAnswer = z.strictObject({
  id: z.string(),
  collection: z.string(),
  state: z.enum(['queued', 'running', 'done', 'failed', 'cancelled']),
  counts: z.strictObject({
    total: z.int(),
    done: z.int(),
    dead: z.int(),
    cancelled: z.int(),
    waiting: z.int(),
  }),
  failures: z.array(z.strictObject({ document: z.string(), reason: z.string() })),
  created_at: timestamp,
  finished_at: timestamp.nullable(),
})

export const jobList = z.strictObject({ jobs: z.array(jobAnswer), next_cursor: nextCursor })
