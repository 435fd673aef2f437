import { z } from 'zod'
import { secret, within } from '../../options.ts'

/** Postgres 15 or later with pgvector 0.8 or later. Without a `url` it is the catalog's own database. */
export const pgvectorOptions = z.strictObject({
  url: secret.optional(),
  /** Holds the tables, and names the role that reads and writes them. */
  schema: z
    .string()
    .regex(/^[a-z_][a-z0-9_]{0,50}$/)
    .default('quarry_vectors'),
  connections: within('databaseConnections'),
  statement_ms: within('statementMs'),
  /** Tenants up to this size are scanned exactly: faster than a graph that holds everybody's rows, and never wrong. */
  exact_rows_max: z.int().min(0).max(1_000_000).default(10_000),
})

export type PgvectorOptions = z.input<typeof pgvectorOptions>
