import { Gauge, type Registry } from 'prom-client'
import type { IndexDescription } from '../core/replica-engine.ts'

/** What the process' own indexes hold, asked for whenever somebody reads the metrics. */
export function engineMetrics(
  registry: Registry,
  describe: () => readonly IndexDescription[],
): void {
  const gauge = (name: string, help: string, measure: (index: IndexDescription) => number): Gauge =>
    new Gauge({
      name,
      help,
      labelNames: ['index'],
      registers: [registry],
      collect() {
        this.reset()
        for (const each of describe()) this.set({ index: each.index }, measure(each))
      },
    })
  gauge('quarry_engine_shards', "Tenants' parts of an index", ({ shards }) => shards)
  gauge(
    'quarry_engine_shards_loaded',
    'Those that are in memory',
    ({ shardsLoaded }) => shardsLoaded,
  )
  gauge('quarry_engine_segments', 'Segments of all shards', ({ segments }) => segments)
  gauge(
    'quarry_engine_memory_bytes',
    'Memory behind the shards that are in it',
    ({ bytes }) => bytes,
  )
  gauge(
    'quarry_engine_shards_building',
    'Shards being sealed or merged now',
    ({ shardsBuilding }) => shardsBuilding,
  )
  gauge('quarry_engine_disk_bytes', 'Files of all shards', ({ bytesOnDisk }) => bytesOnDisk)
  new Gauge({
    name: 'quarry_engine_chunks',
    help: 'Chunks by how their vectors are searched; delta: in no segment yet',
    labelNames: ['index', 'kind'],
    registers: [registry],
    collect() {
      this.reset()
      for (const { index, chunksByKind } of describe())
        for (const [kind, chunks] of Object.entries(chunksByKind)) this.set({ index, kind }, chunks)
    },
  })
}
