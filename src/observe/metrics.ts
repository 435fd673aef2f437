import type { IndexDescription } from '../core/replica-engine.ts'
import type { RetrieveResponse } from '../retrieve/request.ts'

/** What the service counts. Tenant ids are never labels. Names follow OpenTelemetry where it has one. */
export interface Metrics {
  request(route: string, method: string, status: number, seconds: number): void
  retrieval(outcome: 'full' | 'degraded' | 'error', response: RetrieveResponse | null): void
  ingested(outcome: 'indexed' | 'unchanged' | 'failed', documents: number, chunks: number): void
  /** The circuit breaker of one model or store. */
  breaker(dependency: string, state: 'closed' | 'open' | 'half_open'): void
  /** Chunks and changes that this process' replica has yet to apply. */
  replicaLag(index: string, changes: number, seconds: number): void
  /** Candidates that an index proposed and the tenant's own chunks do not have. */
  unreadable(count: number): void
  /** Shows what this process' engine holds; to be called once. */
  watchEngine(describe: () => readonly IndexDescription[]): void
  /** Prometheus text. */
  render(): Promise<{ readonly contentType: string; readonly body: string }>
}
