import { rmSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { QuarryError } from '../../../../src/core/errors.ts'
import { tryLockFolder } from '../../../../src/core/folder-lock.ts'

/** Processes of one machine that can keep their indexes beside one another. */
const PROCESSES_MAX = 64

export interface TakenFolder {
  readonly path: string
  readonly isTemporary: boolean
  release(): Promise<void>
}

/** The first folder below `parent` that no other process has, so that a restarted process finds its own again. */
export async function takeFolder(parent: string | undefined): Promise<TakenFolder> {
  if (parent === undefined) return await temporaryFolder()
  for (let number = 0; number < PROCESSES_MAX; number++) {
    const path = join(parent, String(number))
    const lock = await tryLockFolder(path)
    if (lock !== null) return { path, isTemporary: false, release: () => lock.release() }
  }
  throw new QuarryError('conflict', `${PROCESSES_MAX} processes keep their indexes in ${parent}`)
}

/** Those of engines that nobody closed go with the process. */
const temporaries = new Set<string>()
let isWatching = false

async function temporaryFolder(): Promise<TakenFolder> {
  const path = await mkdtemp(join(tmpdir(), 'quarry-engine-'))
  if (!isWatching) process.once('exit', removeTemporaries)
  isWatching = true
  temporaries.add(path)
  return {
    path,
    isTemporary: true,
    async release() {
      await rm(path, { recursive: true, force: true })
      temporaries.delete(path)
    },
  }
}

function removeTemporaries(): void {
  for (const path of temporaries) rmSync(path, { recursive: true, force: true })
}
