import type { Limits } from '../core/limits.ts'
import { documentBodies } from './document-bodies.ts'
import { openReading } from './reading/open-reading.ts'
import type { Route } from './route.ts'
import { collectionRoutes } from './routes/collections.ts'
import { batchRoutes } from './routes/document-batch.ts'
import { documentRoutes } from './routes/documents.ts'
import { evalRoutes } from './routes/evals.ts'
import { goldenRoutes } from './routes/golden-queries.ts'
import { goldenSetRoutes } from './routes/golden-sets.ts'
import { jobRoutes } from './routes/jobs.ts'
import { KEY_ROUTES } from './routes/keys.ts'
import { OPERATION_ROUTES } from './routes/operations.ts'
import { referenceRoutes } from './routes/reference.ts'
import { retrieveRoutes } from './routes/retrieve.ts'
import { tenantRoutes } from './routes/tenants.ts'
import { USAGE_ROUTES } from './routes/usage.ts'
import { documentSchemas } from './schemas/document.ts'
import { goldenSchemas } from './schemas/golden-query.ts'

/**
 * Every route there is, with the limits in force in its schemas and so in the API document. A path with a verb comes
 * before the one that would take the verb for a part of its id.
 */
export function createRoutes(limits: Limits): readonly Route[] {
  const schemas = documentSchemas(limits)
  const read = openReading(limits)
  const bodies = documentBodies(schemas, read)
  const golden = goldenSchemas(limits)
  const served: readonly Route[] = [
    ...retrieveRoutes(limits),
    ...collectionRoutes(limits),
    ...documentRoutes(limits, schemas, bodies),
    ...batchRoutes(bodies),
    ...jobRoutes(limits),
    ...goldenSetRoutes(golden, read),
    ...goldenRoutes(limits, golden),
    ...evalRoutes(limits),
    ...KEY_ROUTES,
    ...tenantRoutes(limits),
    ...USAGE_ROUTES,
    ...OPERATION_ROUTES,
  ]
  return [...served, ...referenceRoutes(served)]
}
