import type { Route } from './route.ts'
import { COLLECTION_ROUTES } from './routes/collections.ts'
import { BATCH_ROUTES } from './routes/document-batch.ts'
import { DOCUMENT_ROUTES } from './routes/documents.ts'
import { JOB_ROUTES } from './routes/jobs.ts'
import { KEY_ROUTES } from './routes/keys.ts'
import { OPERATION_ROUTES } from './routes/operations.ts'
import { referenceRoutes } from './routes/reference.ts'
import { RETRIEVE_ROUTES } from './routes/retrieve.ts'
import { TENANT_ROUTES } from './routes/tenants.ts'
import { USAGE_ROUTES } from './routes/usage.ts'

const SERVED: readonly Route[] = [
  ...RETRIEVE_ROUTES,
  ...COLLECTION_ROUTES,
  ...DOCUMENT_ROUTES,
  ...BATCH_ROUTES,
  ...JOB_ROUTES,
  ...KEY_ROUTES,
  ...TENANT_ROUTES,
  ...USAGE_ROUTES,
  ...OPERATION_ROUTES,
]

/** Every route there is. A path with a verb comes before the one that would take the verb for a part of its id. */
export const ROUTES: readonly Route[] = [...SERVED, ...referenceRoutes(SERVED)]
