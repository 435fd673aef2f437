import type { ReplicaEngine } from '../../../src/core/replica-engine.ts'
import { openEngineParts } from './engine/open-engine-parts.ts'
import type { EngineSettings } from './engine/settings.ts'

/** Indexes that a former process left in the folder answer at once; `covered` says where each of them stands. */
export async function openLocalEngine(settings: EngineSettings = {}): Promise<ReplicaEngine> {
  return (await openEngineParts(settings)).engine
}
