import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import type { Database } from '../../src/catalog/database.ts'
import type { CollectionId, TenantId } from '../../src/core/model.ts'
import { openEvalDesk } from '../../src/evals/eval-desk.ts'
import { createTraffic } from '../../src/evals/traffic.ts'
import { evalList } from '../../src/http/schemas/eval.ts'
import { createLog } from '../../src/observe/log.ts'
import type { RetrieveRequest } from '../../src/retrieve/request.ts'
import { openTestDatabase } from '../support/database.ts'
import {
  createEvalWorld,
  EVALS,
  type EvalWorld,
  PERFECT,
  ranking,
  steady,
} from '../support/eval-world.ts'
import { cannedResponse, createHttpWorld, type HttpWorld } from '../support/http-world.ts'

let database: Database
let http: HttpWorld
let evals: EvalWorld

beforeAll(async () => {
  database = await openTestDatabase()
  http = await createHttpWorld(database, {
    evalsOpen: 2,
    evalsKept: 3,
    evalMs: 3_000,
    evalYieldMs: 100,
  })
  evals = createEvalWorld(http)
})
afterEach(() => {
  http.retrieve = async () => cannedResponse()
})
afterAll(async () => {
  await http?.evals.close()
  await database?.close()
})

describe('evals in the background', () => {
  /** Answers after it was told to; until then every retrieval waits. */
  function gate() {
    let open = (): void => {}
    const opened = new Promise<void>((resolve) => {
      open = resolve
    })
    const right = ranking(steady(PERFECT))
    http.retrieve = async (request) => {
      await Promise.race([opened, aborted(request.signal)])
      return right(request)
    }
    return { open: () => open() }
  }

  function aborted(signal: AbortSignal | undefined): Promise<never> {
    return new Promise((_resolve, reject) => {
      signal?.addEventListener('abort', () => reject(signal.reason))
    })
  }

  test('run one at a time, take turns among tenants, and are bounded for each', async () => {
    const [busy, other] = [await evals.newTenant(2), await evals.newTenant(2)]
    const { open } = gate()
    const first = await evals.start(busy)
    await evals.until(busy, first, 'running')
    const second = await evals.start(busy)
    const third = await http.call('POST', EVALS, { collection: 'docs' }, busy)
    expect(third.status).toBe(429)
    expect(third.json.detail).toContain('limits.evals_open')
    const theirs = await evals.start(other)
    expect((await evals.read(busy, second)).state).toBe('queued')
    expect((await evals.read(other, theirs)).state).toBe('queued')
    open()
    for (const [headers, id] of [
      [busy, first],
      [other, theirs],
      [busy, second],
    ] as const)
      expect((await evals.ended(headers, id)).state).toBe('done')
  })

  test('are cancelled by DELETE while they wait or run, and removed by a second one', async () => {
    const headers = await evals.newTenant(2)
    const { open } = gate()
    const running = await evals.start(headers)
    await evals.until(headers, running, 'running')
    const waiting = await evals.start(headers)
    for (const id of [waiting, running]) {
      const cancelled = await http.call('DELETE', `${EVALS}/${id}`, undefined, headers)
      expect(cancelled.json).toEqual({ id, outcome: 'cancelled' })
      expect(await evals.read(headers, id)).toMatchObject({ state: 'cancelled', result: null })
    }
    // Only now would they have gone on.
    const next = await evals.start(headers)
    open()
    expect((await evals.ended(headers, next)).state).toBe('done')
    expect((await evals.read(headers, running)).state).toBe('cancelled')
    const removed = await http.call('DELETE', `${EVALS}/${running}`, undefined, headers)
    expect(removed.json.outcome).toBe('deleted')
    expect((await http.call('DELETE', `${EVALS}/${running}`, undefined, headers)).status).toBe(404)
    const noResult = await http.call('GET', `${EVALS}/${waiting}/result`, undefined, headers)
    expect(noResult.status).toBe(409)
  })

  test('fail when they take too long', async () => {
    const headers = await evals.newTenant(1)
    gate()
    const run = await evals.ended(headers, await evals.start(headers, { stages: ['dense'] }))
    expect(run).toMatchObject({
      state: 'failed',
      reason: expect.stringMatching(/^deadline_exceeded/),
    })
  })

  test('are listed newest first, as many as are kept', async () => {
    const headers = await evals.newTenant(1)
    http.retrieve = ranking(steady(PERFECT))
    const ids: string[] = []
    for (let at = 0; at < 5; at += 1)
      ids.push((await evals.evaluated(headers, { name: `${at}` })).id)
    const { json } = await http.call('GET', `${EVALS}?collection=docs&limit=2`, undefined, headers)
    expect(() => evalList.parse(json)).not.toThrow()
    expect(json.evals.map(({ id }: { id: string }) => id)).toEqual([ids[4], ids[3]])
    const rest = await http.call('GET', `${EVALS}?cursor=${json.next_cursor}`, undefined, headers)
    expect(rest.json.evals.map(({ id }: { id: string }) => id)).toEqual([ids[2]])
    expect((await http.call('GET', `${EVALS}/${ids[0]}`, undefined, headers)).status).toBe(404)
    expect(
      (await http.call('GET', `${EVALS}?collection=other`, undefined, headers)).json.evals,
    ).toEqual([])
  })

  test('of another tenant are not there, and take the scope eval', async () => {
    const [mine, theirs] = [await evals.newTenant(1), await evals.newTenant(1)]
    http.retrieve = ranking(steady(PERFECT))
    const { id } = await evals.evaluated(mine)
    for (const [method, path] of [
      ['GET', `${EVALS}/${id}`],
      ['GET', `${EVALS}/${id}/queries`],
      ['GET', `${EVALS}/${id}/result`],
      ['DELETE', `${EVALS}/${id}`],
    ] as const)
      expect([path, (await http.call(method, path, undefined, theirs)).status]).toEqual([path, 404])
    const compared = { base: id, candidate: id }
    expect((await http.call('POST', `${EVALS}:compare`, compared, theirs)).status).toBe(404)
    const retriever = { ...mine, authorization: `Bearer ${await http.newKey(['retrieve'])}` }
    expect((await http.call('GET', EVALS, undefined, retriever)).status).toBe(403)
  })

  test('stand back while callers are served, but not for ever', async () => {
    const headers = await evals.newTenant(1)
    const right = ranking(steady(PERFECT))
    let served = false
    let duringCalls = 0
    let release = (): void => {}
    http.retrieve = async (request) => {
      if (request.query !== 'live') {
        if (served) duringCalls += 1
        return right(request)
      }
      served = true
      await new Promise<void>((resolve) => {
        release = resolve
      })
      served = false
      return right(request)
    }
    const live = http.call('POST', '/v1/retrieve', { collection: 'docs', query: 'live' })
    while (!served) await sleep(5)
    const id = await evals.start(headers, { stages: ['dense'] })
    await evals.until(headers, id, 'running')
    expect(duringCalls).toBe(0)
    expect((await evals.ended(headers, id)).state).toBe('done')
    expect(duringCalls).toBeGreaterThan(0)
    release()
    expect((await live).status).toBe(200)
  })
})

describe('an eval whose process is gone', () => {
  const leases = { evalConcurrency: 1, evalSample: 40, evalMs: 60_000, evalYieldMs: 0 }

  /** A desk as another process would have, with a lease so short that it must speak often. */
  function desk(processId: string, evalLeaseMs: number, retrieve: HttpWorld['retrieve']) {
    return openEvalDesk({
      catalog: http.deps.catalog,
      retrieve,
      traffic: createTraffic(),
      usage: http.deps.usage,
      processId,
      version: '0',
      limits: { ...leases, evalLeaseMs },
      log: createLog({ level: 'silent' }),
    })
  }

  const request = {
    name: null,
    collection: 'docs' as CollectionId,
    stages: ['dense'],
    metrics: ['ndcg@10'],
    k: 10,
    depth: 10,
    sample: null,
    budgetMs: 1_000,
    overrides: {},
  } as const

  const hangs = (asked: RetrieveRequest) =>
    new Promise<never>((_resolve, reject) => {
      asked.signal?.addEventListener('abort', () => reject(asked.signal?.reason))
    })

  test('that was stopped is failed at once', async () => {
    const headers = await evals.newTenant(1)
    const stopped = desk('stopped', 60_000, hangs)
    const tenant = headers['x-tenant-id'] as TenantId
    const [running, waiting] = [
      await stopped.start(tenant, request),
      await stopped.start(tenant, request),
    ]
    await stopped.close()
    for (const { id } of [running, waiting])
      expect(await evals.read(headers, id)).toMatchObject({
        state: 'failed',
        reason: expect.stringMatching(/interrupted: the service was stopped/),
      })
  })

  test('that was killed is failed when its lease has run out, and its place is free again', async () => {
    const headers = await evals.newTenant(1)
    const tenant = headers['x-tenant-id'] as TenantId
    const runs = http.deps.catalog.evals
    const lease = { holder: 'killed', leaseMs: 150 }
    const made = { collection: request.collection, request, queriesTotal: 1, lease }
    const [one, two] = [await runs.create(tenant, made), await runs.create(tenant, made)]
    await expect(runs.create(tenant, made)).rejects.toMatchObject({ code: 'rate_limited' })
    expect((await evals.read(headers, one.id)).state).toBe('queued')
    await sleep(200)
    expect(await evals.read(headers, two.id)).toMatchObject({
      state: 'failed',
      reason: 'interrupted: the process that ran it is gone',
    })
    expect(await runs.renew(tenant, one.id, lease, 1)).toBe(false)
    await runs.create(tenant, made)
    await runs.interruptAll()
    const { json } = await http.call('GET', EVALS, undefined, headers)
    expect(json.evals.map(({ state }: { state: string }) => state)).toEqual([
      'failed',
      'failed',
      'failed',
    ])
  })

  test('that lives keeps its lease, and hears of a cancel in another process', async () => {
    const headers = await evals.newTenant(1)
    const tenant = headers['x-tenant-id'] as TenantId
    let stopped = false
    const living = desk('living', 150, async (asked) => {
      await hangs(asked).finally(() => {
        stopped = true
      })
      throw new Error('not reached')
    })
    const { id } = await living.start(tenant, request)
    await sleep(600)
    expect((await evals.read(headers, id)).state).toBe('running')
    expect(stopped).toBe(false)
    await http.call('DELETE', `${EVALS}/${id}`, undefined, headers)
    for (let tries = 0; !stopped && tries < 200; tries += 1) await sleep(10)
    expect(stopped).toBe(true)
    await living.close()
    expect((await evals.read(headers, id)).state).toBe('cancelled')
  })
})
