import { cached } from '../data/cache.ts'
import type { VectorSet } from '../data/vectors.ts'
import type { Lane } from '../measure/lanes.ts'
import { loadPeer } from './load-peer.ts'

interface Lance {
  connect(folder: string): Promise<Connection>
  readonly Index: {
    ivfPq(settings: { distanceType: string; numPartitions: number; numSubVectors: number }): unknown
    fts(settings: Readonly<Record<string, unknown>>): unknown
  }
}

interface Connection {
  createTable(name: string, rows: readonly object[]): Promise<Table>
  openTable(name: string): Promise<Table>
}

interface Table {
  add(rows: readonly object[]): Promise<unknown>
  createIndex(column: string, options: { config: unknown }): Promise<void>
  query(): Query
  optimize(): Promise<unknown>
}

interface Query {
  nearestTo(vector: Float32Array): Query
  fullTextSearch(text: string, options: { columns: string[] }): Query
  distanceType(name: string): Query
  nprobes(count: number): Query
  refineFactor(factor: number): Query
  select(columns: readonly string[]): Query
  limit(k: number): Query
  toArray(): Promise<readonly { readonly row: number }[]>
}

const BATCH = 10_000

export interface LanceProbe {
  readonly probes: number
  /** How many times k candidates are scored again with the whole vectors; 0 for none. */
  readonly refine: number
}

/** Its IVF_PQ over the same vectors, with its usual sizes: √n lists, a code byte for 8 dimensions. */
export async function lanceIvfPq(set: VectorSet, k: number): Promise<(probe: LanceProbe) => Lane> {
  const lance = loadPeer<Lance>('@lancedb/lancedb')
  const rows = (from: number, to: number): object[] =>
    Array.from({ length: to - from }, (_, i) => ({
      row: from + i,
      vector: Array.from(
        set.base.subarray((from + i) * set.dimensions, (from + i + 1) * set.dimensions),
      ),
    }))
  const config = lance.Index.ivfPq({
    distanceType: 'dot',
    numPartitions: Math.max(1, Math.round(Math.sqrt(set.count))),
    numSubVectors: set.dimensions / 8,
  })
  const folder = await cached(`lance-ivf-${set.name}-${set.digest}`, (path) =>
    fill(lance, path, set.count, rows, 'vector', config),
  )
  const table = await (await lance.connect(folder)).openTable('rows')
  return ({ probes, refine }) =>
    async (query) => {
      const nearest = table
        .query()
        .nearestTo(set.queries[query] as Float32Array)
        .distanceType('dot')
        .nprobes(probes)
        .limit(k)
        .select(['row', '_distance'])
      return rowNumbers(refine === 0 ? nearest : nearest.refineFactor(refine))
    }
}

/** Its BM25 over texts whose words are analysed already. */
export async function lanceFullText(
  name: string,
  texts: () => Promise<readonly string[]>,
  queries: readonly string[],
  k: number,
): Promise<Lane> {
  const lance = loadPeer<Lance>('@lancedb/lancedb')
  const config = lance.Index.fts({
    withPosition: false,
    baseTokenizer: 'whitespace',
    stem: false,
    removeStopWords: false,
    asciiFolding: false,
    lowercase: false,
    maxTokenLength: 256,
  })
  const folder = await cached(`lance-fts-${name}`, async (path) => {
    const all = await texts()
    const rows = (from: number, to: number): object[] =>
      all.slice(from, to).map((text, i) => ({ row: from + i, text }))
    await fill(lance, path, all.length, rows, 'text', config)
  })
  const table = await (await lance.connect(folder)).openTable('rows')
  return (query) =>
    rowNumbers(
      table
        .query()
        .fullTextSearch(queries[query] ?? '', { columns: ['text'] })
        .select(['row', '_score'])
        .limit(k),
    )
}

async function fill(
  lance: Lance,
  folder: string,
  count: number,
  rows: (from: number, to: number) => object[],
  column: string,
  config: unknown,
): Promise<void> {
  const connection = await lance.connect(folder)
  const table = await connection.createTable('rows', rows(0, Math.min(BATCH, count)))
  for (let from = BATCH; from < count; from += BATCH)
    await table.add(rows(from, Math.min(from + BATCH, count)))
  await table.optimize()
  await table.createIndex(column, { config })
}

async function rowNumbers(query: Query): Promise<number[]> {
  return (await query.toArray()).map(({ row }) => Number(row))
}
