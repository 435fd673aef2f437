import type { Database } from '../catalog/database.ts'
import { Budget } from '../core/budget.ts'
import { QuarryError } from '../core/errors.ts'
import type { ReadSide } from './read-side.ts'

export interface Readiness {
  readonly ready: boolean
  readonly reasons: readonly string[]
}

const CATALOG_MS_MAX = 2_000

/** Whether balancers should send requests here. Remote models do not count: without them answers are degraded, not absent. */
export async function readinessOf(
  database: Pick<Database, 'checkHealth'>,
  read: Pick<ReadSide, 'behind'>,
  draining: boolean,
): Promise<Readiness> {
  const reasons = [
    draining ? 'the process is stopping' : null,
    read.behind(),
    await catalogFault(database),
  ]
  const found = reasons.filter((reason) => reason !== null)
  return { ready: found.length === 0, reasons: found }
}

async function catalogFault(database: Pick<Database, 'checkHealth'>): Promise<string | null> {
  try {
    await Budget.start(CATALOG_MS_MAX).run((signal) => database.checkHealth(signal))
    return null
  } catch (error) {
    return error instanceof QuarryError
      ? `catalog: ${error.message}`
      : 'the catalog does not answer'
  }
}
