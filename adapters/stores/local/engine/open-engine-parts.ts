import { LIMITS } from '../../../../src/core/limits.ts'
import { type Builders, openBuilders } from '../build/builders.ts'
import { type Files, nodeFiles } from '../files/files.ts'
import type { Memory } from '../memory/memory.ts'
import { openMemory } from '../memory/open-memory.ts'
import { Engine } from './engine.ts'
import { type Indexes, openIndexes } from './indexes.ts'
import { SILENT } from './logger.ts'
import { type Maintenance, startMaintenance } from './maintenance.ts'
import { Room } from './room.ts'
import type { EngineSettings } from './settings.ts'
import { type TakenFolder, takeFolder } from './take-folder.ts'

/** What an engine stands on, for tests of what happens when it breaks. */
export interface EngineGround {
  readonly files?: Files | undefined
  readonly builders?: Builders | undefined
}

export interface EngineParts {
  readonly engine: Engine
  readonly indexes: Indexes
  readonly maintenance: Maintenance
  readonly memory: Memory
  /** Gives the folder back without saving, as the end of the process would. */
  readonly release: () => Promise<void>
}

/** Deltas of long passages, or in a small memory, become segments before they have their usual number of rows. */
const DELTA_BYTES = 32 * 2 ** 20
const DELTA_SHARE = 1 / 16
/** What is not sealed by then at closing is read from the feed again at the next start. */
const FLUSH_MS = 10_000

export async function openEngineParts(
  settings: EngineSettings,
  ground: EngineGround = {},
): Promise<EngineParts> {
  const folder = await takeFolder(settings.folder)
  try {
    return await openIn(folder, settings, ground)
  } catch (error) {
    await folder.release()
    throw error
  }
}

async function openIn(
  folder: TakenFolder,
  settings: EngineSettings,
  ground: EngineGround,
): Promise<EngineParts> {
  const memory = openMemory({ bytesMax: settings.memoryBytes ?? LIMITS.engineMemoryBytes.default })
  const builders = ground.builders ?? openBuilders()
  const files = ground.files ?? nodeFiles()
  const log = settings.log ?? SILENT
  const room = new Room(memory)
  const indexes = await openIndexes(folder.path, {
    files,
    memory,
    room,
    builders,
    log,
    noteLoaded: (shard) => maintenance.noteLoaded(shard),
  })
  const maintenance: Maintenance = startMaintenance({
    indexes: () => indexes.all(),
    log,
    deltaRows: settings.deltaRows ?? LIMITS.engineDeltaRows.default,
    deltaBytes: Math.min(DELTA_BYTES, memory.bytesMax * DELTA_SHARE),
    sealAfterMs: settings.sealAfterMs ?? LIMITS.engineSealMs.default,
  })
  const close = async (): Promise<void> => {
    if (!folder.isTemporary) await maintenance.flush(FLUSH_MS)
    maintenance.stop()
    await builders.close()
    await maintenance.settled()
    await indexes.close()
    await folder.release()
  }
  const engine = new Engine({ indexes, maintenance, room, close })
  return { engine, indexes, maintenance, memory, release: () => folder.release() }
}
