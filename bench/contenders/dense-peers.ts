import { openVectors } from '../data/vectors.ts'
import type { Contender, Lane } from '../measure/lanes.ts'
import { hnswlibBare } from '../peers/hnswlib.ts'
import { lanceIvfPq } from '../peers/lancedb.ts'
import { usearchExact } from '../peers/usearch.ts'
import type { DenseTask, HnswTask, LanceTask } from './contenders.ts'

export async function openUsearchExact({ vectors, k }: DenseTask): Promise<Contender> {
  return { lanes: { exact: usearchExact(await openVectors(vectors), k) } }
}

export async function openHnswlibBare(task: HnswTask): Promise<Contender> {
  const laneOf = await hnswlibBare(await openVectors(task.vectors), task, task.k)
  return { lanes: lanesOf(task.efSearch, String, laneOf) }
}

export async function openLanceIvfPq({ vectors, k, probes }: LanceTask): Promise<Contender> {
  const laneOf = await lanceIvfPq(await openVectors(vectors), k)
  return { lanes: lanesOf(probes, (probe) => `${probe.probes}/${probe.refine}`, laneOf) }
}

function lanesOf<Setting>(
  settings: readonly Setting[],
  nameOf: (setting: Setting) => string,
  laneOf: (setting: Setting) => Lane,
): Record<string, Lane> {
  return Object.fromEntries(settings.map((setting) => [nameOf(setting), laneOf(setting)]))
}
