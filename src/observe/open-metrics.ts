import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client'
import type { RetrieveResponse } from '../retrieve/request.ts'
import { openAfterwards } from './afterwards.ts'
import { engineMetrics } from './engine-metrics.ts'
import type { Metrics } from './metrics.ts'

const REQUEST_SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30]
const STAGE_SECONDS = [0.0001, 0.00025, 0.0005, ...REQUEST_SECONDS]
const BREAKER_STATES = ['closed', 'half_open', 'open'] as const

/** Prometheus metrics on a registry of their own, with Node's event-loop delay, heap, GC and process figures. */
export function openMetrics(): Metrics {
  const registry = new Registry()
  collectDefaultMetrics({ register: registry })
  const afterwards = openAfterwards()
  return {
    ...serving(registry, afterwards.add),
    ...ingesting(registry),
    ...dependencies(registry),
    watchEngine: (describe) => engineMetrics(registry, describe),
    render: async () => {
      afterwards.flush()
      return { contentType: registry.contentType, body: await registry.metrics() }
    },
  }
}

/** A dozen observations take as long as checking a request does, and nobody's answer has to wait for them. */
function serving(
  registry: Registry,
  afterwards: (observe: () => void) => void,
): Pick<Metrics, 'request' | 'retrieval'> {
  const registers = [registry]
  const requests = new Histogram({
    name: 'http_server_request_duration_seconds',
    help: 'From arrival to the head of the answer',
    labelNames: ['http_route', 'http_request_method', 'http_response_status_code'],
    buckets: REQUEST_SECONDS,
    registers,
  })
  const retrievals = new Counter({
    name: 'quarry_retrievals_total',
    help: 'Retrievals by outcome; those that failed have no duration',
    labelNames: ['outcome'],
    registers,
  })
  const durations = new Histogram({
    name: 'quarry_retrieve_duration_seconds',
    help: 'Retrievals that were answered, whole',
    labelNames: ['outcome'],
    buckets: REQUEST_SECONDS,
    registers,
  })
  const stages = new Histogram({
    name: 'quarry_stage_duration_seconds',
    help: 'One stage of a retrieval',
    labelNames: ['stage'],
    buckets: STAGE_SECONDS,
    registers,
  })
  const degraded = new Counter({
    name: 'quarry_degraded_total',
    help: 'Stages that an answer went without, and why',
    labelNames: ['stage', 'reason'],
    registers,
  })
  const caches = new Counter({
    name: 'quarry_cache_total',
    help: 'Look-ups in the result and the query-vector cache',
    labelNames: ['cache', 'result'],
    registers,
  })
  const answered = (outcome: string, response: RetrieveResponse): void => {
    for (const [stage, ms] of Object.entries(response.timingsMs)) {
      if (stage === 'total') durations.observe({ outcome }, ms / 1_000)
      else stages.observe({ stage }, ms / 1_000)
    }
    for (const { stage, reason } of response.degraded) degraded.inc({ stage, reason })
    caches.inc({ cache: 'result', result: response.usage.cache })
    caches.inc({ cache: 'query_vector', result: response.usage.queryVectorCache })
  }
  return {
    request: (route, method, status, seconds) =>
      afterwards(() => {
        const labels = { http_route: route, http_request_method: method }
        requests.observe({ ...labels, http_response_status_code: status }, seconds)
      }),
    retrieval: (outcome, response) =>
      afterwards(() => {
        retrievals.inc({ outcome })
        if (response !== null) answered(outcome, response)
      }),
  }
}

function ingesting(registry: Registry): Pick<Metrics, 'ingested'> {
  const registers = [registry]
  const documents = new Counter({
    name: 'quarry_ingest_documents_total',
    help: 'Documents brought into the indexes, found unchanged, or failed',
    labelNames: ['outcome'],
    registers,
  })
  const chunks = new Counter({
    name: 'quarry_chunks_total',
    help: 'Chunks written to the catalog',
    registers,
  })
  return {
    ingested: (outcome, documentCount, chunkCount) => {
      documents.inc({ outcome }, documentCount)
      chunks.inc(chunkCount)
    },
  }
}

function dependencies(registry: Registry): Pick<Metrics, 'breaker' | 'replicaLag' | 'unreadable'> {
  const registers = [registry]
  const breakers = new Gauge({
    name: 'quarry_breaker_state',
    help: 'Circuit breaker: 1 for the state it is in',
    labelNames: ['dependency', 'state'],
    registers,
  })
  const lagChanges = new Gauge({
    name: 'quarry_replica_lag_changes',
    help: 'Changes in the feed that this process has yet to apply',
    labelNames: ['index'],
    registers,
  })
  const lagSeconds = new Gauge({
    name: 'quarry_replica_lag_seconds',
    help: 'Age of the oldest change that this process has yet to apply',
    labelNames: ['index'],
    registers,
  })
  const unreadable = new Counter({
    name: 'quarry_unreadable_candidates_total',
    help: 'Candidates that the tenant has no chunk for: deleted since, or an index that answers with what is not the tenant’s',
    registers,
  })
  return {
    breaker: (dependency, state) => {
      for (const each of BREAKER_STATES)
        breakers.set({ dependency, state: each }, each === state ? 1 : 0)
    },
    replicaLag: (index, changes, seconds) => {
      lagChanges.set({ index }, changes)
      lagSeconds.set({ index }, seconds)
    },
    unreadable: (count) => unreadable.inc(count),
  }
}
