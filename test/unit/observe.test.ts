import { afterEach, describe, expect, test, vi } from 'vitest'
import type { UsageRecord } from '../../src/catalog/catalog.ts'
import type { TenantId } from '../../src/core/model.ts'
import { openMetrics } from '../../src/observe/open-metrics.ts'
import { openUsageLedger } from '../../src/observe/open-usage-ledger.ts'
import { continueTrace, formatTraceparent } from '../../src/observe/trace.ts'
import { NO_USAGE } from '../../src/observe/usage.ts'
import { cannedResponse } from '../support/http-world.ts'

const record = (changes: Partial<UsageRecord> = {}): UsageRecord => ({
  tenant: 'acme' as TenantId,
  route: 'POST /v1/retrieve',
  ...NO_USAGE,
  requests: 1,
  embedTokens: 2,
  rerankDocuments: 3,
  documents: 4,
  bytes: 5,
  ...changes,
})

describe('the usage ledger', () => {
  afterEach(() => {
    vi.useRealTimers()
  })

  const open = (everyMs = 60_000) => {
    const written: (readonly UsageRecord[])[] = []
    const failures: unknown[] = []
    const state = { down: false }
    const usage = {
      add: async (records: readonly UsageRecord[]) => {
        if (state.down) throw new Error('down')
        written.push(records)
      },
      list: async () => [],
    }
    const ledger = openUsageLedger(usage, everyMs, (error) => void failures.push(error))
    return { ledger, written, failures, state }
  }

  test('adds up by tenant and route, and writes each sum once', async () => {
    const { ledger, written } = open()
    ledger.record(record())
    ledger.record(record())
    ledger.record(record({ route: 'GET /v1/jobs' }))
    ledger.record(record({ tenant: 'other' as TenantId }))
    await ledger.flush()
    await ledger.flush()
    expect(written).toHaveLength(1)
    expect(written[0]).toHaveLength(3)
    expect(written[0]?.[0]).toEqual(
      record({ requests: 2, embedTokens: 4, rerankDocuments: 6, documents: 8, bytes: 10 }),
    )
    await ledger.close()
  })

  test('keeps what could not be written, and adds to it', async () => {
    const { ledger, written, state } = open()
    ledger.record(record())
    state.down = true
    const failed = ledger.flush()
    ledger.record(record())
    await expect(failed).rejects.toThrow('down')
    state.down = false
    await ledger.close()
    expect(written).toEqual([
      [record({ requests: 2, embedTokens: 4, rerankDocuments: 6, documents: 8, bytes: 10 })],
    ])
  })

  test('writes by itself, tells of failures, and stops at the close', async () => {
    vi.useFakeTimers()
    const { ledger, written, failures, state } = open(1_000)
    ledger.record(record())
    state.down = true
    await vi.advanceTimersByTimeAsync(1_000)
    expect(failures).toHaveLength(1)
    state.down = false
    await vi.advanceTimersByTimeAsync(1_000)
    expect(written).toHaveLength(1)
    await ledger.close()
    ledger.record(record())
    await vi.advanceTimersByTimeAsync(5_000)
    expect(written).toHaveLength(1)
  })
})

describe('metrics', () => {
  test('count what they are told', async () => {
    const metrics = openMetrics()
    metrics.request('/v1/retrieve', 'POST', 200, 0.02)
    metrics.retrieval('full', cannedResponse())
    metrics.retrieval('error', null)
    metrics.ingested('indexed', 2, 30)
    metrics.breaker('openai', 'open')
    metrics.replicaLag('docs-1', 7, 1.5)
    metrics.unreadable(1)
    const { body, contentType } = await metrics.render()
    expect(contentType).toContain('text/plain')
    for (const line of [
      'http_server_request_duration_seconds_count{http_route="/v1/retrieve",http_request_method="POST",http_response_status_code="200"} 1',
      'quarry_retrievals_total{outcome="error"} 1',
      'quarry_retrieve_duration_seconds_sum{outcome="full"} 0.027',
      'quarry_stage_duration_seconds_count{stage="embed"} 1',
      'quarry_cache_total{cache="result",result="miss"} 1',
      'quarry_cache_total{cache="query_vector",result="hit"} 1',
      'quarry_ingest_documents_total{outcome="indexed"} 2',
      'quarry_chunks_total 30',
      'quarry_breaker_state{dependency="openai",state="open"} 1',
      'quarry_breaker_state{dependency="openai",state="closed"} 0',
      'quarry_replica_lag_changes{index="docs-1"} 7',
      'quarry_replica_lag_seconds{index="docs-1"} 1.5',
      'quarry_unreadable_candidates_total 1',
    ])
      expect(body).toContain(line)
    expect(body).toMatch(/^nodejs_eventloop_lag_p99_seconds \d/m)
    expect(body).toMatch(/^process_resident_memory_bytes \d/m)
  })

  test('of two services stay apart', async () => {
    const [one, two] = [openMetrics(), openMetrics()]
    one.unreadable(1)
    expect((await two.render()).body).toContain('quarry_unreadable_candidates_total 0')
  })
})

describe('traces', () => {
  const traceId = '4bf92f3577b34da6a3ce929d0e0e4736'
  const parent = '00f067aa0ba902b7'

  test('go on with a span of our own', () => {
    const trace = continueTrace(`00-${traceId}-${parent}-01`)
    expect(trace).toMatchObject({ traceId, parentSpanId: parent, flags: '01' })
    expect(trace.spanId).not.toBe(parent)
    expect(formatTraceparent(trace)).toBe(`00-${traceId}-${trace.spanId}-01`)
    expect(continueTrace(`01-${traceId}-${parent}-01-more`).traceId).toBe(traceId)
  })

  test.each([
    null,
    '',
    `ff-${traceId}-${parent}-01`,
    `00-${traceId}-${parent}-01-more`,
    `00-${'0'.repeat(32)}-${parent}-01`,
    `00-${traceId}-${'0'.repeat(16)}-01`,
    `00-${traceId.toUpperCase()}-${parent}-01`,
  ])('%s begins a new one', (header) => {
    const trace = continueTrace(header)
    expect(trace.traceId).toMatch(/^[0-9a-f]{32}$/)
    expect(trace.traceId).not.toBe(traceId)
    expect(trace.parentSpanId).toBeNull()
  })
})
