import { setTimeout as sleep } from 'node:timers/promises'
import { expect } from 'vitest'
import type { ChunkId, DocumentId } from '../../src/core/model.ts'
import type { RetrieveRequest, RetrieveResponse } from '../../src/retrieve/request.ts'
import { cannedResponse, type HttpWorld } from './http-world.ts'

export const EVALS = '/v1/evals'

/** At which place of the answer each stage shows the relevant document `right-<query>`. */
export type Places = Readonly<Record<'dense' | 'lexical' | 'fused' | 'reranked', number>>

export const PERFECT: Places = { dense: 1, lexical: 1, fused: 1, reranked: 1 }

export function stageOf({ mode, rerank }: RetrieveRequest): keyof Places {
  if (mode !== 'hybrid') return mode
  return rerank === null ? 'fused' : 'reranked'
}

/** A system whose quality is known; `asked` are the requests that it answered. */
export function ranking(placesOf: (query: string) => Places, asked: RetrieveRequest[] = []) {
  return async (request: RetrieveRequest): Promise<RetrieveResponse> => {
    asked.push(request)
    const place = placesOf(request.query)[stageOf(request)]
    const [hit] = cannedResponse().hits
    if (hit === undefined) throw new Error('no hit')
    const hits = Array.from({ length: 20 }, (_, at) => {
      const document = at + 1 === place ? `right-${request.query}` : `wrong-${at}`
      return {
        ...hit,
        id: `chunk of ${document}` as ChunkId,
        documentId: document as DocumentId,
        score: 1 / (at + 1),
      }
    })
    return cannedResponse({ hits, timingsMs: { dense: 2, total: 5 } })
  }
}

export const steady = (places: Places) => () => places

export type TenantHeaders = Readonly<Record<'x-tenant-id', string>>

export type EvalWorld = ReturnType<typeof createEvalWorld>

/** Golden queries and evals of tenants of their own, over HTTP. */
export function createEvalWorld(http: HttpWorld) {
  let tenants = 0
  const read = async (headers: TenantHeaders, id: string) =>
    (await http.call('GET', `${EVALS}/${id}`, undefined, headers)).json
  const start = async (headers: TenantHeaders, more: object = {}): Promise<string> => {
    const body = { collection: 'docs', ...more }
    const { status, json } = await http.call('POST', EVALS, body, headers)
    expect(json.detail).toBeUndefined()
    expect(status).toBe(202)
    return json.id
  }
  const ended = async (headers: TenantHeaders, id: string) => {
    for (;;) {
      const run = await read(headers, id)
      if (run.state !== 'queued' && run.state !== 'running') return run
      await sleep(10)
    }
  }
  return {
    read,
    start,
    ended,
    /** A tenant with so many golden queries. */
    async newTenant(queries: number, relevant?: (query: string) => object): Promise<TenantHeaders> {
      tenants += 1
      const headers = { 'x-tenant-id': `evals-${tenants}` }
      const golden = Array.from({ length: queries }, (_, at) => ({
        id: `q${at}`,
        query: `question ${at}`,
        relevant: relevant?.(`question ${at}`) ?? { [`right-question ${at}`]: 1 },
      }))
      const path = '/v1/golden-queries:import?collection=docs'
      if (queries > 0) expect((await http.call('POST', path, golden, headers)).status).toBe(200)
      return headers
    },
    async until(headers: TenantHeaders, id: string, state: string): Promise<void> {
      while ((await read(headers, id)).state !== state) await sleep(10)
    },
    async evaluated(headers: TenantHeaders, more: object = {}) {
      const run = await ended(headers, await start(headers, more))
      expect(run.reason).toBeNull()
      return run
    },
  }
}
