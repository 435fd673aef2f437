import type { Bound } from './bounds/bound.ts'
import type { BoundContext } from './bounds/context.ts'

type Measure = (context: BoundContext) => Promise<readonly Bound[]>

/** Imported on demand, so that one bound can be measured where another's parts do not load. */
const MEASURES: Readonly<Record<string, () => Promise<Measure>>> = {
  flat: async () => (await import('./bounds/flat.ts')).measureFlat,
  hnsw: async () => (await import('./bounds/hnsw.ts')).measureHnsw,
  'ivf-pq': async () => (await import('./bounds/ivf-pq.ts')).measureIvfPq,
  bm25: async () => (await import('./bounds/bm25.ts')).measureBm25,
  hybrid: async () => (await import('./bounds/hybrid.ts')).measureHybrid,
  filters: async () => (await import('./bounds/filters.ts')).measureFilters,
  tenants: async () => (await import('./bounds/tenants.ts')).measureTenants,
  restart: async () => (await import('./bounds/restart.ts')).measureRestart,
  million: async () => (await import('./bounds/million.ts')).measureMillion,
}

export const BOUND_NAMES: readonly string[] = Object.keys(MEASURES)

/**
 * The local engine's bounds, each against its peers in the same run. One that fails to run is in the answer with its
 * error and does not hold.
 */
export async function benchEngine(
  log: (line: string) => void,
  names: readonly string[],
  full: boolean,
): Promise<{ readonly bounds: readonly Bound[] }> {
  const bounds: Bound[] = []
  for (const name of names.length === 0 ? BOUND_NAMES : names) {
    const startedMs = performance.now()
    bounds.push(...(await measured(name, { log, full })))
    log(`${name}: ${((performance.now() - startedMs) / 1_000).toFixed(0)} s`)
  }
  return { bounds }
}

async function measured(name: string, context: BoundContext): Promise<readonly Bound[]> {
  const load = MEASURES[name]
  if (load === undefined) throw new Error(`no bound ${name}; there are ${BOUND_NAMES.join(', ')}`)
  try {
    const measure = await load()
    return await measure(context)
  } catch (error) {
    const reason = (error as Error).stack ?? String(error)
    return [{ name, value: null, bound: Number.NaN, relation: '<=', holds: false, reason }]
  }
}

/** The bounds as people read them. */
export function tableOf(bounds: readonly Bound[]): string {
  const rows = bounds.map(({ name, value, bound, relation, holds, reason }) => [
    name,
    value === null ? '–' : String(value),
    `${relation} ${bound}`,
    holds === null ? 'not measured' : holds ? 'holds' : 'FAILS',
    reason?.split('\n')[0] ?? '',
  ])
  const widths = [0, 1, 2, 3].map((column) =>
    Math.max(...rows.map((row) => row[column]?.length ?? 0)),
  )
  return rows
    .map((row) =>
      row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n')
}
