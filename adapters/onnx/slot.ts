import { QuarryError } from '../../src/core/errors.ts'
import { isAbandoned } from '../breaker.ts'
import type { ModelChild } from './model-child.ts'

/** A place for one child, which it fills again whenever the child is gone. */
export interface Slot {
  /** Whether a child is there and could take a bundle. */
  isFree(): boolean
  /** What the last start failed with; null while a child lives or none has failed to start. */
  fault(): QuarryError | null
  /** Runs work on the child, which is not free meanwhile. */
  use<T>(work: (child: ModelChild) => Promise<T>): Promise<T>
  close(): void
}

export interface SlotOptions {
  /** Starts a child, and calls back when it ends. */
  readonly start: (onExit: () => void) => Promise<ModelChild>
  /** Told when the child is ready or its start failed. */
  readonly onChange: () => void
}

const BACKOFF_MS = 100
const BACKOFF_MS_MAX = 30_000

/** Resolves with a filled slot; rejects with what the first start failed with. */
export async function openSlot({ start, onChange }: SlotOptions): Promise<Slot> {
  let child: ModelChild | null = null
  let busy = false
  let closed = false
  let timer: NodeJS.Timeout | null = null
  /** Starts that failed and children that died in a row, without an answer between. */
  let misfortunes = 0
  let fault: QuarryError | null = null

  const begin = async (): Promise<void> => {
    const started = await start(onExit)
    if (closed) return started.kill()
    child = started
    fault = null
  }
  const restart = async (): Promise<void> => {
    timer = null
    try {
      await begin()
    } catch (error) {
      if (!(error instanceof QuarryError)) throw error
      misfortunes += 1
      fault = new QuarryError('unavailable', error.message, { cause: error })
      restartLater()
    }
    onChange()
  }
  const restartLater = (): void => {
    if (closed || timer !== null) return
    const waitMs = misfortunes < 2 ? 0 : Math.min(BACKOFF_MS_MAX, BACKOFF_MS * 2 ** misfortunes)
    timer = setTimeout(() => void restart(), waitMs)
    timer.unref()
  }
  const onExit = (): void => {
    child = null
    misfortunes += 1
    restartLater()
  }

  await begin()
  return {
    isFree: () => !busy && child?.alive() === true,
    fault: () => fault,
    use: async (work) => {
      if (child === null) throw new QuarryError('unavailable', 'the model process is not there')
      busy = true
      try {
        const result = await work(child)
        misfortunes = 0
        return result
      } catch (error) {
        // It is about to die of our own hand.
        if (error instanceof QuarryError && isAbandoned(error)) misfortunes -= 1
        throw error
      } finally {
        busy = false
      }
    },
    close: () => {
      closed = true
      if (timer !== null) clearTimeout(timer)
      child?.kill()
    },
  }
}
