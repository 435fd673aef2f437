import type { Config } from '../config/schema.ts'
import { QuarryError } from '../core/errors.ts'
import type { Log } from '../observe/log.ts'
import { openService, type Service } from '../service.ts'

export interface Finding {
  readonly name: string
  readonly state: 'ok' | 'failed'
  readonly detail: string
}

const PROBE_MS_MAX = 5_000

/** Opens everything the config names and asks each dependency whether it answers. Never rejects: faults are findings. */
export async function diagnose(config: Config, log: Log): Promise<readonly Finding[]> {
  let service: Service
  try {
    service = await openService(config, { roles: { worker: true, replica: true }, log })
  } catch (error) {
    return [{ name: 'start', state: 'failed', detail: messageOf(error) }]
  }
  try {
    const where = config.database_url === null ? `embedded in ${config.data_dir}` : 'Postgres'
    const queue = config.redis_url === null ? 'in the catalog' : 'on Redis'
    const { stores, embedders, rerankers } = service.adapters
    return [
      { name: 'catalog', state: 'ok', detail: `${where}; schema current, isolation holds` },
      { name: 'queue', state: 'ok', detail: queue },
      await probe('replica', 'loaded', () => service.ready),
      ...(await probeAll('store', stores)),
      ...(await probeAll('embedder', embedders)),
      ...(await probeAll('reranker', rerankers)),
    ]
  } finally {
    await service.close(0)
  }
}

function probeAll(
  kind: string,
  adapters: ReadonlyMap<string, { checkHealth(signal: AbortSignal): Promise<void> }>,
): Promise<Finding[]> {
  const probes = [...adapters].map(([name, adapter]) =>
    probe(`${kind} ${name}`, 'answers', (signal) => adapter.checkHealth(signal)),
  )
  return Promise.all(probes)
}

async function probe(
  name: string,
  good: string,
  ask: (signal: AbortSignal) => Promise<void>,
): Promise<Finding> {
  const startedMs = performance.now()
  const signal = AbortSignal.timeout(PROBE_MS_MAX)
  const late = new Promise<never>((_, reject) => {
    signal.addEventListener('abort', () =>
      reject(new QuarryError('deadline_exceeded', `no answer within ${PROBE_MS_MAX} ms`)),
    )
  })
  try {
    await Promise.race([ask(signal), late])
    return {
      name,
      state: 'ok',
      detail: `${good} (${Math.round(performance.now() - startedMs)} ms)`,
    }
  } catch (error) {
    return { name, state: 'failed', detail: messageOf(error) }
  }
}

function messageOf(error: unknown): string {
  if (error instanceof QuarryError) return `${error.code}: ${error.message}`
  return error instanceof Error ? (error.stack ?? error.message) : String(error)
}
