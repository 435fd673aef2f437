import { setPriority } from 'node:os'
import { parentPort } from 'node:worker_threads'
import { QuarryError } from '../../../../src/core/errors.ts'
import { nodeFiles } from '../files/files.ts'
import type { BuildReply } from './builders.ts'
import type { BuildJob } from './job.ts'
import { runJob } from './run-job.ts'

/** On Linux this is the thread's own: building leaves the processor to whoever serves. */
const NICENESS = 10

lowerPriority()
const files = nodeFiles()
parentPort?.on('message', (job: BuildJob) => {
  void reply(job)
})

async function reply(job: BuildJob): Promise<void> {
  const answer = await runJob(job, files).then((built): BuildReply => ({ built }), failed)
  parentPort?.postMessage(answer)
}

function failed(error: unknown): BuildReply {
  if (error instanceof QuarryError) {
    const { code, message, details } = error
    return { error: { code, message, details } }
  }
  const message = error instanceof Error ? (error.stack ?? error.message) : String(error)
  return { error: { code: null, message, details: {} } }
}

function lowerPriority(): void {
  if (process.platform !== 'linux') return
  try {
    setPriority(0, NICENESS)
  } catch {
    // A container may forbid it; building is then as urgent as serving.
  }
}
