import type { Database } from '../catalog/database.ts'
import { openCatalog } from '../catalog/open-catalog.ts'
import type { Config } from '../config/schema.ts'
import { Budget } from '../core/budget.ts'
import { QuarryError } from '../core/errors.ts'
import type { Log } from '../observe/log.ts'
import { openCatalogDatabase, openConfigured, openEngine } from '../service.ts'
import { evalAdvice } from './eval-advice.ts'
import type { Finding } from './finding.ts'
import type { AdapterConfigs, Adapters } from './open-adapters.ts'
import { openConfiguredQueue } from './write-side.ts'

/** Opening one and asking it. A first start applies every schema step meanwhile. */
const PROBE_MS_MAX = 15_000

type Kind = keyof AdapterConfigs

/**
 * Asks every dependency whether it answers, each by itself, so that one that is away hides no other. Starts no work.
 * Never rejects: faults are findings.
 */
export async function diagnose(config: Config, log: Log): Promise<readonly Finding[]> {
  let database: Database | undefined
  const catalog = await probe('catalog', async (signal) => {
    database = await openCatalogDatabase(config)
    await database.checkHealth(signal)
    const where = config.database_url === null ? `embedded in ${config.data_dir}` : 'Postgres'
    return `${where}; schema current, isolation holds`
  })
  try {
    const rest = await Promise.all([
      probe('queue', () => askQueue(config, database, log)),
      probe('local engine', () => describeEngine(config, log)),
      ...probeAll('stores', config, database),
      ...probeAll('embedders', config, database),
      ...probeAll('rerankers', config, database),
      ...probeAll('generators', config, database),
    ])
    return [catalog, ...rest, ...(await adviceOf(database, config))]
  } finally {
    await database?.close()
  }
}

/** From what evals have measured; nothing where there are none, or no catalog. */
async function adviceOf(
  database: Database | undefined,
  { limits }: Config,
): Promise<readonly Finding[]> {
  if (database === undefined) return []
  const { evals } = openCatalog(database, limits)
  let advice: readonly Finding[] = []
  const asked = await probe('evals', async () => {
    advice = evalAdvice(await evals.latest())
    return advice.length === 0 ? 'the latest of each collection warn of nothing' : 'see below'
  })
  return [asked, ...advice]
}

async function askQueue(config: Config, database: Database | undefined, log: Log) {
  const queue = await openConfiguredQueue(config, database?.pool, log)
  try {
    const where = config.redis_url === null ? 'in the catalog' : 'on Redis'
    return `${where}; ${await queue.waiting()} deliveries wait`
  } finally {
    await queue.close()
  }
}

/** What a stopped server left; a running one tells the same in its metrics. */
async function describeEngine(config: Config, log: Log): Promise<string> {
  const engine = await openEngine(config, log, true)
  try {
    const indexes = engine.describe().map((index) => {
      const { shards, segments, chunks, bytesOnDisk, chunksByKind, explanation } = index
      const covered = engine.covered(index)
      const kinds = Object.entries(chunksByKind).map(([kind, count]) => `${count} ${kind}`)
      const stands = covered === null ? 'not complete' : `feed to ${covered.xid}:${covered.seq}`
      return `${index.collection}/${index.index}: ${chunks} chunks (${kinds.join(', ')}) in ${segments} segments of ${shards} shards, ${bytesOnDisk} bytes on disk, ${stands}; ${explanation}`
    })
    const lost = engine.lost().length
    if (lost > 0) indexes.push(`${lost} damaged shards wait to be loaded again`)
    return indexes.length === 0 ? 'keeps no index yet' : indexes.join('\n')
  } finally {
    await engine.close()
  }
}

function probeAll(kind: Kind, config: Config, database: Database | undefined): Promise<Finding>[] {
  return Object.entries(config[kind]).map(([name, adapter]) =>
    probe(`${kind.slice(0, -1)} ${name}`, async (signal) => {
      const one = {
        stores: {},
        embedders: {},
        rerankers: {},
        generators: {},
        [kind]: { [name]: adapter },
      }
      const adapters = await openConfigured(one, { pool: database?.pool })
      try {
        await adapterIn(adapters, kind, name)?.checkHealth(signal)
        return `${adapter.adapter} answers`
      } finally {
        await adapters.close()
      }
    }),
  )
}

function adapterIn(adapters: Adapters, kind: Kind, name: string) {
  return adapters[kind].get(name)
}

async function probe(
  name: string,
  ask: (signal: AbortSignal) => Promise<string>,
): Promise<Finding> {
  const startedMs = performance.now()
  try {
    const found = await Budget.start(PROBE_MS_MAX).run(ask)
    const tookMs = Math.round(performance.now() - startedMs)
    return { name, state: 'ok', detail: `${found} (${tookMs} ms)` }
  } catch (error) {
    return { name, state: 'failed', detail: messageOf(error) }
  }
}

function messageOf(error: unknown): string {
  if (error instanceof QuarryError) return `${error.code}: ${error.message}`
  return error instanceof Error ? (error.stack ?? error.message) : String(error)
}
