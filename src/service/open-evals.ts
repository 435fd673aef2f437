import { type EvalDesk, openEvalDesk } from '../evals/eval-desk.ts'
import type { Traffic } from '../evals/traffic.ts'
import { packageVersion } from './package-version.ts'
import type { ReadSide } from './read-side.ts'
import type { Shared } from './shared.ts'

/** Evals run where retrievals are answered. */
export async function openEvals(
  { config, database, catalog, log, usage, processId }: Shared,
  read: Pick<ReadSide, 'retrieveApart'>,
  traffic: Traffic,
  active: boolean,
): Promise<EvalDesk> {
  // The embedded catalog has one process: whatever an earlier one left under way died with it.
  if (active && database.kind === 'pglite') await catalog.evals.interruptAll()
  return openEvalDesk({
    catalog,
    retrieve: read.retrieveApart,
    traffic,
    usage,
    processId,
    version: await packageVersion(),
    limits: config.limits,
    log,
  })
}
