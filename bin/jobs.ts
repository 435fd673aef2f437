import { setTimeout as pause } from 'node:timers/promises'
import type { Client } from './client.ts'
import type { Failure, JobAnswer } from './wire.ts'

const POLL_MS = 100

/** The jobs of one run, followed in the order in which they were made. */
export interface Jobs {
  add(id: string, documents: number): void
  /** Documents accepted and not yet settled. */
  waiting(): number
  indexed(): number
  /** Asks after the first jobs until one of them is not settled, then pauses. */
  poll(): Promise<void>
}

export function createJobs(client: Client, signal: AbortSignal, failed: Failure[]): Jobs {
  const open = new Map<string, number>()
  let indexed = 0
  /** Whether it is settled. */
  const ask = async (id: string): Promise<boolean> => {
    const { counts, failures } = await client.call<JobAnswer>(
      'GET',
      `/v1/jobs/${encodeURIComponent(id)}`,
      undefined,
      { signal },
    )
    open.set(id, counts.waiting)
    if (counts.waiting > 0) return false
    open.delete(id)
    indexed += counts.done
    failed.push(...failures)
    return true
  }
  return {
    add: (id, documents) => void open.set(id, documents),
    waiting: () => [...open.values()].reduce((sum, documents) => sum + documents, 0),
    indexed: () => indexed,
    async poll() {
      for (const id of [...open.keys()]) if (!(await ask(id))) break
      if (open.size > 0) await pause(POLL_MS, undefined, { signal })
    },
  }
}
