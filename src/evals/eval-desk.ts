import type { Catalog } from '../catalog/catalog.ts'
import { type EvalRun, INTERRUPTED } from '../catalog/evals.ts'
import { Budget } from '../core/budget.ts'
import { QuarryError } from '../core/errors.ts'
import type { Limits } from '../core/limits.ts'
import type { TenantId } from '../core/model.ts'
import type { Log } from '../observe/log.ts'
import type { EvalRequest } from './eval-request.ts'
import { outcomeOf, type RunEvalDeps, runEval, type WantedEval } from './run-eval.ts'

/** Takes evals on, runs them in the background of this process, and ends them. */
export interface EvalDesk {
  /**
   * @throws QuarryError `invalid_request` when there is nothing to ask, or more than one eval may ask; `rate_limited`
   * when the tenant has too many under way
   */
  start(tenant: TenantId, request: EvalRequest): Promise<EvalRun>
  /** Ends one that is under way, in whichever process; removes a finished one; null when there is none. */
  cancel(tenant: TenantId, id: string): Promise<'cancelled' | 'deleted' | null>
  /** What is under way fails as interrupted. */
  close(): Promise<void>
}

export interface EvalDeskDeps extends Omit<RunEvalDeps, 'catalog' | 'queriesMax' | 'yieldMs'> {
  readonly catalog: Pick<Catalog, 'collections' | 'goldenQueries' | 'evals'>
  readonly processId: string
  readonly limits: EvalDeskLimits
  readonly log: Log
}

export type EvalDeskLimits = Pick<
  Limits,
  'evalConcurrency' | 'evalSample' | 'evalMs' | 'evalYieldMs' | 'evalLeaseMs'
>

/** One that this process has taken on. */
interface Held extends WantedEval {
  readonly controller: AbortController
  /** Null while it waits. */
  done: number | null
}

/** Renewed so often in the time of a lease that one late renewal loses nothing. */
const RENEWALS = 3
const CLOSED = new QuarryError('unavailable', 'interrupted: the service was stopped')

export function openEvalDesk(deps: EvalDeskDeps): EvalDesk {
  return new Desk(deps)
}

class Desk implements EvalDesk {
  readonly #deps: EvalDeskDeps
  readonly #lease: { readonly holder: string; readonly leaseMs: number }
  readonly #waiting: Held[] = []
  readonly #running = new Map<Held, Promise<void>>()
  readonly #renewals: NodeJS.Timeout
  #closed = false

  constructor(deps: EvalDeskDeps) {
    this.#deps = deps
    this.#lease = { holder: deps.processId, leaseMs: deps.limits.evalLeaseMs }
    this.#renewals = setInterval(() => this.#renewAll(), this.#lease.leaseMs / RENEWALS).unref()
  }

  async start(tenant: TenantId, request: EvalRequest): Promise<EvalRun> {
    if (this.#closed) throw CLOSED
    const queriesTotal = await this.#countQueries(tenant, request)
    const run = await this.#deps.catalog.evals.create(tenant, {
      collection: request.collection,
      request,
      queriesTotal,
      lease: this.#lease,
    })
    const controller = new AbortController()
    this.#waiting.push({ tenant, id: run.id, request, controller, done: null })
    this.#startNext()
    return run
  }

  async cancel(tenant: TenantId, id: string): Promise<'cancelled' | 'deleted' | null> {
    const outcome = await this.#deps.catalog.evals.cancel(tenant, id)
    if (outcome === 'cancelled') this.#drop(tenant, id)
    return outcome
  }

  async close(): Promise<void> {
    this.#closed = true
    clearInterval(this.#renewals)
    for (const held of this.#running.keys()) held.controller.abort(CLOSED)
    await Promise.all(this.#waiting.splice(0).map((held) => this.#fail(held, CLOSED)))
    await Promise.all(this.#running.values())
  }

  async #countQueries(tenant: TenantId, { collection, sample }: EvalRequest): Promise<number> {
    const { catalog, limits } = this.#deps
    const there = await catalog.goldenQueries.count(tenant, collection)
    if (there === 0 && (await catalog.collections.get(collection)) !== null)
      throw new QuarryError(
        'invalid_request',
        `there are no golden queries in "${collection}" to ask: add some at /v1/golden-queries`,
      )
    if (sample === null && there > limits.evalSample)
      throw new QuarryError(
        'invalid_request',
        `there are ${there} golden queries, and one eval asks at most ${limits.evalSample} (limits.eval_sample): send "sample"`,
      )
    return Math.min(there, sample ?? there)
  }

  /** First come, first served, but for tenants that have one running: theirs wait behind the others'. */
  #startNext(): void {
    while (!this.#closed && this.#running.size < this.#deps.limits.evalConcurrency) {
      const busy = new Set([...this.#running.keys()].map(({ tenant }) => tenant))
      const fair = this.#waiting.findIndex(({ tenant }) => !busy.has(tenant))
      const [next] = this.#waiting.splice(Math.max(0, fair), 1)
      if (next === undefined) return
      const ended = this.#run(next).finally(() => {
        this.#running.delete(next)
        this.#startNext()
      })
      this.#running.set(next, ended)
    }
  }

  /** Never rejects: how it ended stands in the catalog, or the lease runs out. */
  async #run(held: Held): Promise<void> {
    const { catalog, limits, log, processId } = this.#deps
    const { tenant, id, controller } = held
    const about = { eval_id: id, tenant_id: tenant }
    try {
      held.done = 0
      if (!(await catalog.evals.renew(tenant, id, this.#lease, 0))) return
      log.info(about, 'eval started')
      const deps = { ...this.#deps, queriesMax: limits.evalSample, yieldMs: limits.evalYieldMs }
      const result = await Budget.start(limits.evalMs, { signal: controller.signal }).run(
        (signal) =>
          runEval(held, deps, signal, (done) => {
            held.done = done
          }),
      )
      if (await catalog.evals.finish(tenant, id, processId, outcomeOf(result)))
        log.info(about, 'eval done')
    } catch (error) {
      await this.#fail(held, error)
    }
  }

  async #fail({ tenant, id }: Held, error: unknown): Promise<void> {
    const { catalog, log, processId } = this.#deps
    const about = { eval_id: id, tenant_id: tenant }
    const known = error instanceof QuarryError && error.code !== 'internal'
    const reason = known
      ? `${error.code}: ${error.message}`
      : 'internal: the log has it under this eval id'
    if (known) log.info({ ...about, reason }, 'eval ended')
    else log.error({ ...about, err: error }, 'eval failed')
    await catalog.evals
      .finish(tenant, id, processId, { state: 'failed', reason })
      .catch((cause: unknown) => log.warn({ ...about, err: cause }, 'eval could not be ended'))
  }

  /** What is no longer ours was cancelled elsewhere, or given up by those who did not hear from us. */
  #renewAll(): void {
    const { catalog, log } = this.#deps
    for (const held of [...this.#waiting, ...this.#running.keys()]) {
      const { tenant, id, done } = held
      catalog.evals
        .renew(tenant, id, this.#lease, done)
        .then((ours) => ours || this.#drop(tenant, id))
        .catch((error: unknown) => log.warn({ err: error, eval_id: id }, 'lease not renewed'))
    }
  }

  #drop(tenant: TenantId, id: string): void {
    const isIt = (held: Held): boolean => held.tenant === tenant && held.id === id
    const at = this.#waiting.findIndex(isIt)
    if (at >= 0) this.#waiting.splice(at, 1)
    for (const held of this.#running.keys())
      if (isIt(held)) held.controller.abort(new QuarryError('conflict', INTERRUPTED))
  }
}
