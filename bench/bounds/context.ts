import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { Tasks } from '../contenders/contenders.ts'
import { CACHE_FOLDER } from '../data/cache.ts'
import { type ContenderProcess, startContender } from '../measure/contender-process.ts'
import { PeerUnavailable } from '../peers/load-peer.ts'

export interface BoundContext {
  readonly log: (line: string) => void
  /** Whether the sizes that take tens of minutes are asked for. */
  readonly full: boolean
}

/** Runs `use` with a contender, or gives the reason why there is none. */
export async function withContender<Name extends keyof Tasks, T>(
  name: Name,
  task: Tasks[Name],
  use: (contender: ContenderProcess) => Promise<T>,
  options: { readonly cores?: 'one' | 'all' } = {},
): Promise<T | PeerUnavailable> {
  let contender: ContenderProcess | null = null
  try {
    contender = await startContender(name, task, options)
    return await use(contender)
  } catch (error) {
    if (error instanceof PeerUnavailable) return error
    throw error
  } finally {
    contender?.close()
  }
}

/** Runs `use` with a folder that is gone afterwards. */
export async function withFolder<T>(name: string, use: (folder: string) => Promise<T>): Promise<T> {
  const folder = join(CACHE_FOLDER, `${name}-${process.pid}`)
  try {
    return await use(folder)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

/** @throws Error where our own engine is what could not be started */
export function required<T>(result: T | PeerUnavailable): T {
  if (result instanceof PeerUnavailable) throw new Error(result.message, { cause: result })
  return result
}
