import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Api, apiAt } from '../support/api.ts'
import { type ModelServer, startModelServer } from '../support/model-server.ts'
import { type QuarryProcess, startQuarry } from '../support/quarry-process.ts'

describe('a 100 ms budget with a hanging embedder and a hanging reranker', () => {
  let folder: string
  let models: ModelServer
  let server: QuarryProcess
  let api: Api
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'quarry-degraded-'))
    models = await startModelServer()
    const embedders = {
      remote: {
        adapter: 'openai-compatible',
        base_url: `${models.url}/v1`,
        model: 'bag',
        dimensions: 64,
      },
    }
    const rerankers = {
      remote: {
        adapter: 'http',
        shape: 'cohere',
        url: `${models.url}/v1/rerank`,
        model: 'overlap',
      },
    }
    server = await startQuarry({
      command: 'serve',
      env: {
        QUARRY_DATA_DIR: folder,
        QUARRY_EMBEDDERS: JSON.stringify(embedders),
        QUARRY_RERANKERS: JSON.stringify(rerankers),
        QUARRY_COLLECTION_DEFAULTS: JSON.stringify({
          embedder: 'remote',
          rerank: { model: 'remote' },
        }),
      },
    })
    api = apiAt(server.url, server.firstKey ?? '')
    await api.call('PUT', '/v1/collections/c', {})
    const put = await api.call('PUT', '/v1/collections/c/documents/a?wait=indexed&wait_ms=30000', {
      text: 'The red lantern means that no vessel may leave the harbour.',
      media_type: 'text/plain',
    })
    expect(put.status).toBe(201)
  }, 120_000)
  afterAll(async () => {
    await server?.stop()
    await models?.close()
    await rm(folder, { recursive: true, force: true })
  })

  const ask = (query: string, more: object = {}) =>
    api.call('POST', '/retrieve', { collection: 'c', query, budget_ms: 100, ...more })

  it('answers by both legs and reranked while the models answer', async () => {
    models.hang(false)
    const { body } = await ask('red lantern vessel', { budget_ms: 5_000, explain: true })
    expect(body.degraded).toEqual([])
    expect(body.hits[0].explain.dense).not.toBeNull()
    expect(body.hits[0].relevance).toBeGreaterThan(0)
  })

  it('answers lexically, in time, and says so when they hang', async () => {
    models.hang(true)
    await ask('warm the path that is timed')
    const { status, body } = await ask('what does a red lantern mean')
    expect(status).toBe(200)
    expect(body.hits[0].document_id).toBe('a')
    // The service's own clock; the slack is for a busy machine, a hang would be seconds.
    expect(body.timings_ms.total).toBeLessThan(150)
    const said = body.degraded.map(
      ({ stage, fallback }: { stage: string; fallback: string }) => `${stage} ${fallback}`,
    )
    expect(said).toContain('embed lexical_only')
    expect(said).toContain('rerank fused_order')
  })

  it('refuses instead where the caller requires the dense leg', async () => {
    models.hang(true)
    const { status, body } = await ask('what does the lantern mean then', { require: ['dense'] })
    expect(status).toBe(504)
    expect(body.code).toBe('deadline_exceeded')
  })
})
