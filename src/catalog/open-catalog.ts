import type { Catalog } from './catalog.ts'
import { openCollections } from './collections.ts'
import type { Database } from './database.ts'
import { openDocuments } from './documents.ts'
import { type EvalLimits, openEvals } from './evals.ts'
import { openFeed } from './feed.ts'
import { type GoldenLimits, openGoldenQueries } from './golden-queries.ts'
import { type IdempotencyLimits, openIdempotency } from './idempotency.ts'
import { openJobs } from './jobs.ts'
import { openKeys } from './keys.ts'
import { openTenants } from './tenants.ts'
import { openUsage } from './usage.ts'
import { openWork } from './work.ts'

/** The catalog over a database whose schema is current. */
export function openCatalog(
  database: Database,
  limits: IdempotencyLimits & GoldenLimits & EvalLimits,
): Catalog {
  return {
    keys: openKeys(database),
    tenants: openTenants(database),
    collections: openCollections(database),
    documents: openDocuments(database),
    work: openWork(database),
    jobs: openJobs(database),
    feed: openFeed(database),
    usage: openUsage(database),
    idempotency: openIdempotency(database, limits),
    goldenQueries: openGoldenQueries(database, limits),
    evals: openEvals(database, limits),
  }
}
