import type { LexicalTask } from '../data/lexical-task.ts'
import type { VectorSource } from '../data/vectors.ts'
import type { Contender } from '../measure/lanes.ts'
import type { EngineTask } from './quarry-engine.ts'
import type { RestartTask } from './quarry-restart.ts'
import type { TenantsTask } from './quarry-tenants.ts'

/** What each contender is told to open, by name. */
export interface Tasks {
  'quarry-engine': EngineTask
  'quarry-flat': DenseTask
  'quarry-hnsw': HnswTask
  'quarry-ivf-pq': DenseTask
  'quarry-postings': LexicalTask
  'quarry-restart': RestartTask
  'quarry-tenants': TenantsTask
  'usearch-exact': DenseTask
  'hnswlib-bare': HnswTask
  'lance-ivf-pq': LanceTask
  'lance-full-text': LexicalTask
  'sqlite-full-text': LexicalTask
  'mini-search': LexicalTask
  orama: LexicalTask
}

export interface DenseTask {
  readonly vectors: VectorSource
  readonly k: number
}

export interface HnswTask extends DenseTask {
  readonly m: number
  readonly efConstruction: number
  readonly quantization: 'none' | 'int8'
  /** One lane for each, named by it. */
  readonly efSearch: readonly number[]
}

export interface LanceTask extends DenseTask {
  /** One lane for each, named `<probes>/<refine>`. */
  readonly probes: readonly { readonly probes: number; readonly refine: number }[]
}

type Open<Task> = (task: Task) => Promise<Contender>

/** Imported on demand: a process loads the one contender that it is for. */
const OPENERS: { readonly [Name in keyof Tasks]: () => Promise<Open<Tasks[Name]>> } = {
  'quarry-engine': async () => (await import('./quarry-engine.ts')).openQuarryEngine,
  'quarry-flat': async () => (await import('./quarry-flat.ts')).openQuarryFlat,
  'quarry-hnsw': async () => (await import('./quarry-hnsw.ts')).openQuarryHnsw,
  'quarry-ivf-pq': async () => (await import('./quarry-ivf-pq.ts')).openQuarryIvfPq,
  'quarry-postings': async () => (await import('./quarry-postings.ts')).openQuarryPostings,
  'quarry-restart': async () => (await import('./quarry-restart.ts')).openQuarryRestart,
  'quarry-tenants': async () => (await import('./quarry-tenants.ts')).openQuarryTenants,
  'usearch-exact': async () => (await import('./dense-peers.ts')).openUsearchExact,
  'hnswlib-bare': async () => (await import('./dense-peers.ts')).openHnswlibBare,
  'lance-ivf-pq': async () => (await import('./dense-peers.ts')).openLanceIvfPq,
  'lance-full-text': async () => (await import('./lexical-peers.ts')).openLanceFullText,
  'sqlite-full-text': async () => (await import('./lexical-peers.ts')).openSqliteFullText,
  'mini-search': async () => (await import('./lexical-peers.ts')).openMiniSearch,
  orama: async () => (await import('./lexical-peers.ts')).openOrama,
}

export async function openContender<Name extends keyof Tasks>(
  name: Name,
  task: Tasks[Name],
): Promise<Contender> {
  const open = await OPENERS[name]()
  return open(task)
}
