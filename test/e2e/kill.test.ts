import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Api, apiAt } from '../support/api.ts'
import { type QuarryProcess, startQuarry } from '../support/quarry-process.ts'
import { seededRandom } from '../support/random.ts'

const KILLS = Number(process.env['QUARRY_TEST_KILLS'] ?? 30)
const SEED = Number(process.env['QUARRY_TEST_SEED'] ?? 20260101)
const random = seededRandom(SEED)
const path = '/v1/collections/crash/documents'

/** What the writer was told. A write without an answer may or may not have happened, so it is in neither. */
class Ledger {
  readonly live = new Map<string, string>()
  readonly deleted = new Set<string>()
  readonly unknown = new Set<string>()

  unsure(id: string): void {
    this.unknown.add(id)
  }

  wrote(id: string, marker: string): void {
    this.unknown.delete(id)
    this.deleted.delete(id)
    this.live.set(id, marker)
  }

  removed(id: string): void {
    this.unknown.delete(id)
    this.live.delete(id)
    this.deleted.add(id)
  }
}

describe(`kill -9 of the server at ${KILLS} random moments of an ingest (seed ${SEED})`, () => {
  let folder: string
  let server: QuarryProcess
  let key: string
  const ledger = new Ledger()
  const env = () => ({ QUARRY_DATA_DIR: folder })

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'quarry-kill-'))
    server = await startQuarry({ command: 'serve', env: env() })
    key = server.firstKey ?? ''
    const made = await apiAt(server.url, key).call('PUT', '/v1/collections/crash', {})
    expect(made.status).toBe(201)
  }, 120_000)
  afterAll(async () => {
    await server?.kill()
    await rm(folder, { recursive: true, force: true })
  })

  it('keeps every acknowledged document, none twice, and none that was deleted', async () => {
    let serial = 0
    for (let round = 0; round < KILLS; round++) {
      const writing = new AbortController()
      const writers = [0, 1, 2].map(async () => {
        while (!writing.signal.aborted) await writeOne(apiAt(server.url, key), ++serial)
      })
      await new Promise((resolve) => setTimeout(resolve, 20 + random() * 400))
      const killed = server.kill()
      writing.abort()
      await killed
      await Promise.all(writers)
      server = await startQuarry({ command: 'serve', env: env() })
    }
    const api = apiAt(server.url, key)
    await settle(api)
    expect(ledger.live.size).toBeGreaterThan(KILLS)
    const failed = await api.call('GET', `${path}?state=failed&limit=5`)
    expect(failed.body.documents).toEqual([])
    await expectListed(api)
    await expectFound(api, await lastVersion(api))
  }, 900_000)

  async function writeOne(api: Api, serial: number): Promise<void> {
    const replaced = random() < 0.3 ? pick([...ledger.live.keys()]) : undefined
    const id = replaced ?? `d${serial}`
    const marker = `marker${serial}x`
    ledger.unsure(id)
    try {
      if (replaced !== undefined && random() < 0.5) {
        const { status } = await api.call('DELETE', `${path}/${id}`)
        if (status === 200) ledger.removed(id)
        return
      }
      const text = `Document ${id} carries the word ${marker} and nothing else of note.`
      const { status } = await api.call('PUT', `${path}/${id}`, { text, media_type: 'text/plain' })
      if (status < 300) ledger.wrote(id, marker)
    } catch {
      // The server died before it answered: the ledger already says that this write is unknown.
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
  }

  async function settle(api: Api): Promise<void> {
    for (let tries = 0; tries < 600; tries++) {
      const { body } = await api.call('GET', `${path}?state=queued&limit=1`)
      if (body.documents.length === 0) return
      await new Promise((resolve) => setTimeout(resolve, 200))
    }
    throw new Error('documents are still queued two minutes after the last restart')
  }

  /** An index follows the catalog within moments; with this version a retrieval waits until it has. */
  async function lastVersion(api: Api): Promise<string> {
    const put = await api.call('PUT', `${path}/last?wait=indexed&wait_ms=30000`, {
      text: 'The last of all.',
      media_type: 'text/plain',
    })
    expect(put.body.state).toBe('indexed')
    return put.body.version
  }

  async function expectListed(api: Api): Promise<void> {
    const listed: string[] = []
    let cursor: string | null = null
    do {
      const query: string = cursor === null ? '' : `&cursor=${encodeURIComponent(cursor)}`
      const { body } = await api.call('GET', `${path}?limit=200${query}`)
      listed.push(...body.documents.map((document: { id: string }) => document.id))
      cursor = body.next_cursor
    } while (cursor !== null)
    expect(new Set(listed).size).toBe(listed.length)
    const known = (id: string) => !ledger.unknown.has(id)
    expect(listed.filter(known).toSorted()).toEqual(
      [...ledger.live.keys()].filter(known).toSorted(),
    )
  }

  async function expectFound(api: Api, version: string): Promise<void> {
    for (const [id, marker] of ledger.live) {
      if (ledger.unknown.has(id)) continue
      const { body } = await api.call('POST', '/retrieve', {
        collection: 'crash',
        query: marker,
        mode: 'lexical',
        top_k: 10,
        dedupe: false,
        rerank: null,
        budget_ms: 10_000,
        min_version: version,
      })
      expect(body.degraded).toEqual([])
      const holders = body.hits.filter((hit: { text: string }) => hit.text.includes(`${marker} `))
      expect(
        holders.map((hit: { document_id: string }) => hit.document_id),
        `${id} ${marker}`,
      ).toEqual([id])
    }
    for (const id of ledger.deleted) {
      if (ledger.unknown.has(id)) continue
      expect((await api.call('GET', `${path}/${id}`)).status).toBe(404)
      const filter = { must: [{ field: 'document_id', op: 'eq', value: id }] }
      const { body } = await api.call('POST', '/retrieve', {
        collection: 'crash',
        query: 'document word note',
        filter,
        budget_ms: 10_000,
        min_version: version,
      })
      expect(body.degraded).toEqual([])
      expect(body.hits, id).toEqual([])
    }
  }

  function pick(ids: readonly string[]): string | undefined {
    const free = ids.filter((id) => !ledger.unknown.has(id))
    return free[Math.floor(random() * free.length)]
  }
})
