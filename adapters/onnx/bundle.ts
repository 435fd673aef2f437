import { QuarryError } from '../../src/core/errors.ts'
import { abandoned } from '../breaker.ts'
import type { Answer } from './model-child.ts'
import type { ModelInput } from './protocol.ts'
import type { Item } from './queue.ts'

/** Items under way together. One whose callers have all gone is ended after a grace, to free its process. */
export interface RunningBundle {
  readonly items: readonly Item[]
  readonly inputs: readonly ModelInput[]
  /** Aborted when the process is to be ended. */
  readonly signal: AbortSignal
  take(answer: Answer): void
  /** The run went wrong for all that is still open: their first time is forgiven. */
  fail(error: unknown): void
  /** None of it is tried again. */
  refuse(error: unknown): void
  /** To be called when a caller has left. */
  look(): void
  /** Ends the bundle; returns what is to be tried again. */
  close(): Item[]
}

export function openBundle(items: readonly Item[], graceMs: number): RunningBundle {
  const open = new Set(items)
  const blamed = new Set<Item>()
  const ending = new AbortController()
  let timer: NodeJS.Timeout | null = null
  const blame = (item: Item, error: unknown): void => {
    if (blamed.has(item)) return
    blamed.add(item)
    item.faults += 1
    if (item.faults > 1) item.fail(error)
  }
  return {
    items,
    inputs: items.map(({ input }) => input),
    signal: ending.signal,
    take: (answer) => {
      answer.places.forEach((place, at) => {
        const item = items[place]
        if (item === undefined) return
        if (answer.kind === 'fault') blame(item, faulty(answer.message))
        else {
          open.delete(item)
          const width = answer.values.length / answer.places.length
          item.answer(answer.values.slice(at * width, (at + 1) * width), answer.tokens[at] ?? 0)
        }
      })
    },
    fail: (error) => {
      for (const item of open) blame(item, error)
    },
    refuse: (error) => {
      for (const item of items) item.fail(error)
    },
    look: () => {
      if (timer !== null || items.some((item) => item.isWanted())) return
      timer = setTimeout(() => ending.abort(abandoned()), graceMs)
    },
    close: () => {
      if (timer !== null) clearTimeout(timer)
      return [...open].filter((item) => item.isWanted())
    },
  }
}

function faulty(message: string): QuarryError {
  return new QuarryError('upstream_failed', `the model fails on this input: ${message}`, {
    retryable: false,
  })
}
