import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { type EvalOutcome, INTERRUPTED } from '../../src/catalog/evals.ts'
import { openCatalog } from '../../src/catalog/open-catalog.ts'
import { DEFAULT_LIMITS } from '../../src/core/limits.ts'
import type { CollectionId, TenantId } from '../../src/core/model.ts'
import { ACME, BETA, type CatalogWorld, DOCS, openCatalogWorld } from '../support/catalog-world.ts'

const LEASE = { holder: 'me', leaseMs: 60_000 }

const done = (queries: number): EvalOutcome => ({
  state: 'done',
  summary: { findings: [], of: queries },
  queries: Array.from({ length: queries }, (_, at) => ({
    id: `q${String(at).padStart(4, '0')}`,
    query: `what is ${at}?`,
    result: { at },
  })),
})

describe.each(['pglite', 'postgres'] as const)('evals on %s', (kind) => {
  let world: CatalogWorld
  let evals: CatalogWorld['catalog']['evals']
  beforeAll(async () => {
    world = await openCatalogWorld(kind)
    evals = openCatalog(world.database, { ...DEFAULT_LIMITS, evalsOpen: 2, evalsKept: 2 }).evals
  })
  beforeEach(() => world.reset())
  afterAll(() => world.close())

  async function create(tenant: TenantId = ACME, more: object = {}): Promise<string> {
    const asked = { collection: DOCS, request: { k: 10 }, queriesTotal: 3, lease: LEASE, ...more }
    const { id } = await evals.create(tenant, asked)
    // Ids sort by the millisecond in which they were made.
    await sleep(2)
    return id
  }

  test('go from queued over running to done, and keep what each query got', async () => {
    const id = await create()
    expect(await evals.renew(ACME, id, LEASE, null)).toBe(true)
    const queued = { state: 'queued', request: { k: 10 }, progress: { done: 0, total: 3 } }
    expect(await evals.get(ACME, id)).toMatchObject({ ...queued, startedAt: null, summary: null })
    expect(await evals.renew(ACME, id, LEASE, 2)).toBe(true)
    expect(await evals.get(ACME, id)).toMatchObject({
      state: 'running',
      progress: { done: 2, total: 3 },
      startedAt: expect.any(Date),
    })
    expect(await evals.finish(ACME, id, 'another', done(1))).toBe(false)
    expect(await evals.finish(ACME, id, 'me', done(250))).toBe(true)
    expect(await evals.get(ACME, id)).toMatchObject({
      state: 'done',
      progress: { done: 250, total: 250 },
      summary: { findings: [], of: 250 },
      finishedAt: expect.any(Date),
    })
    const page = await evals.queries(ACME, id, { after: 'q0247', count: 5 })
    expect(page).toEqual([
      { id: 'q0248', query: 'what is 248?', result: { at: 248 } },
      { id: 'q0249', query: 'what is 249?', result: { at: 249 } },
    ])
    expect(await evals.renew(ACME, id, LEASE, 1)).toBe(false)
    expect(await evals.finish(ACME, id, 'me', { state: 'failed', reason: 'late' })).toBe(false)
  })

  test('a tenant has only so many under way, also of those asked for at once', async () => {
    const outcomes = await Promise.allSettled([create(), create(), create(), create()])
    expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(2)
    await expect(create()).rejects.toMatchObject({ code: 'rate_limited', retryable: true })
    await create(BETA)
    const collection = 'nowhere' as CollectionId
    await expect(create(BETA, { collection })).rejects.toMatchObject({ code: 'not_found' })
  })

  test('the oldest finished go, and those under way stay', async () => {
    const running = await create()
    const finished: string[] = []
    for (let at = 0; at < 4; at += 1) {
      const id = await create()
      await evals.finish(ACME, id, 'me', at === 1 ? { state: 'failed', reason: 'no' } : done(1))
      finished.push(id)
    }
    const kept = await evals.list(ACME, { after: null, count: 9 })
    expect(kept.map(({ id }) => id)).toEqual([finished[3], finished[2], running])
    expect(await evals.queries(ACME, finished[0] ?? '', { after: null, count: 9 })).toEqual([])
    const next = { after: finished[3] ?? null, count: 1, collection: DOCS }
    expect((await evals.list(ACME, next)).map(({ id }) => id)).toEqual([finished[2]])
  })

  test('a lease that ran out, or a start of the embedded catalog, ends them', async () => {
    const short = await create(ACME, { lease: { holder: 'gone', leaseMs: 1 } })
    const held = await create()
    expect(await evals.list(ACME, { after: null, count: 9 })).toMatchObject([
      { id: held, state: 'queued' },
      { id: short, state: 'failed', reason: INTERRUPTED },
    ])
    const theirs = await create(BETA)
    await evals.interruptAll()
    for (const [tenant, id] of [
      [ACME, held],
      [BETA, theirs],
    ] as const)
      expect(await evals.get(tenant, id)).toMatchObject({ state: 'failed', reason: INTERRUPTED })
  })

  test('cancelled first, deleted second; and neither by another tenant', async () => {
    const id = await create()
    expect(await evals.cancel(BETA, id)).toBeNull()
    expect(await evals.get(BETA, id)).toBeNull()
    expect(await evals.renew(BETA, id, LEASE, 1)).toBe(false)
    expect(await evals.finish(BETA, id, 'me', done(1))).toBe(false)
    expect(await evals.cancel(ACME, id)).toBe('cancelled')
    expect(await evals.renew(ACME, id, LEASE, 1)).toBe(false)
    expect(await evals.cancel(ACME, id)).toBe('deleted')
    expect(await evals.cancel(ACME, id)).toBeNull()
  })

  test('the operator sees the latest that is done, of each tenant', async () => {
    const [first, second, theirs] = [await create(), await create(), await create(BETA)]
    for (const id of [first, second]) await evals.finish(ACME, id, 'me', done(1))
    await evals.finish(BETA, theirs, 'me', done(2))
    await evals.finish(BETA, await create(BETA), 'me', { state: 'failed', reason: 'no' })
    expect(await evals.latest()).toMatchObject([
      { tenant: ACME, id: second, collection: DOCS },
      { tenant: BETA, id: theirs, summary: { of: 2 } },
    ])
  })
})
