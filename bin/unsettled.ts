import { setTimeout as pause } from 'node:timers/promises'
import type { Client } from './client.ts'

interface Page {
  readonly documents: readonly { readonly id: string }[]
  readonly next_cursor: string | null
}

const POLL_MS = 200

/** Waits for documents that an earlier run stored and that nobody has indexed yet: no job of this run covers them. */
export async function untilSettled(
  client: Client,
  collection: string,
  ids: ReadonlySet<string>,
  signal: AbortSignal,
): Promise<void> {
  if (ids.size === 0) return
  while (await isAnyQueued(client, collection, ids, signal))
    await pause(POLL_MS, undefined, { signal })
}

async function isAnyQueued(
  client: Client,
  collection: string,
  ids: ReadonlySet<string>,
  signal: AbortSignal,
): Promise<boolean> {
  const path = `/v1/collections/${encodeURIComponent(collection)}/documents?state=queued`
  let cursor: string | null = null
  do {
    const next: string = cursor === null ? '' : `&cursor=${encodeURIComponent(cursor)}`
    const page: Page = await client.call<Page>('GET', `${path}${next}`, undefined, { signal })
    if (page.documents.some(({ id }) => ids.has(id))) return true
    cursor = page.next_cursor
  } while (cursor !== null)
  return false
}
