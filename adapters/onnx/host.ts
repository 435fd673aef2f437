import { QuarryError } from '../../src/core/errors.ts'
import { createBreaker } from '../breaker.ts'
import type { AdapterContext } from '../options.ts'
import { createDispatcher } from './dispatcher.ts'
import { type ChildLimits, startModelChild } from './model-child.ts'
import type { ModelOptions } from './options.ts'
import type { ChildSettings, ModelDescription, ModelInput, Pooling } from './protocol.ts'
import { createQueue, type QueueLane } from './queue.ts'
import { openSlot, type Slot } from './slot.ts'

export interface HostSettings {
  readonly task: ChildSettings['task']
  /** What the host is called in messages. */
  readonly name: string
  readonly batchItems: number
  readonly pooling?: Pooling | undefined
  readonly normalize?: boolean | undefined
}

export interface HostCall {
  readonly signal: AbortSignal
  readonly lane: QueueLane
  /** Resolves at the abort with what was answered by then, instead of rejecting. */
  readonly partial?: boolean
}

export interface HostAnswer {
  /** In the order of the inputs; undefined where the call's end came first. */
  readonly values: readonly (Float32Array | undefined)[]
  /** Of the inputs that were answered. */
  readonly tokens: number
}

/**
 * A model in child processes of its own: a run holds its thread and cannot be stopped, but a process can be ended at any
 * time. Rejects with `unavailable` while the model does not start or keeps failing, `rate_limited` when too many wait,
 * `upstream_failed` for an input that fails twice, the second time alone.
 */
export interface ModelHost {
  readonly description: ModelDescription
  run(inputs: readonly ModelInput[], call: HostCall): Promise<HostAnswer>
  close(): Promise<void>
}

/** Starts every process and waits until each has its model loaded. */
export async function openModelHost(
  settings: HostSettings,
  options: ModelOptions,
  context: AdapterContext = {},
): Promise<ModelHost> {
  const limits = {
    startMs: options.start_ms,
    runMs: options.run_ms,
    memoryMiB: options.memory_mib,
  }
  const start = startOnce(childSettings(settings, options), limits)
  const slots: Slot[] = []
  let dispatch = (): void => {}
  try {
    for (let i = 0; i < options.processes; i += 1)
      slots.push(await openSlot({ start: start.child, onChange: () => dispatch() }))
  } catch (error) {
    for (const slot of slots) slot.close()
    throw error
  }
  const description = start.description()
  const dispatcher = createDispatcher({
    name: settings.name,
    slots,
    queue: createQueue({ batchTokens: options.batch_tokens, batchItems: settings.batchItems }),
    breaker: createBreaker({
      name: settings.name,
      failuresMax: options.breaker_failures,
      openMs: options.breaker_open_ms,
      onState: (state) => context.onBreaker?.(settings.name, state),
    }),
    tokensMax: description.tokensMax,
    waitingMax: options.queue,
    graceMs: options.grace_ms,
  })
  dispatch = dispatcher.dispatch
  return {
    description,
    run: dispatcher.run,
    close: async () => {
      dispatcher.close()
      for (const slot of slots) slot.close()
    },
  }
}

function childSettings(settings: HostSettings, options: ModelOptions): ChildSettings {
  return {
    task: settings.task,
    folder: options.folder,
    file: options.file ?? null,
    threads: options.threads,
    tokensMax: options.tokens_max ?? null,
    batchTokens: options.batch_tokens,
    pooling: settings.pooling ?? null,
    normalize: settings.normalize ?? null,
  }
}

/** Every later child must hold the model that the first one had: another would answer in another space. */
function startOnce(settings: ChildSettings, limits: ChildLimits) {
  let first: ModelDescription | null = null
  return {
    description: (): ModelDescription => {
      if (first === null) throw new QuarryError('internal', 'no model process has started')
      return first
    },
    child: async (onExit: () => void) => {
      const child = await startModelChild(settings, limits, onExit)
      first ??= child.description
      if (child.description.revision === first.revision) return child
      child.kill()
      throw new QuarryError(
        'unavailable',
        `the files in ${settings.folder} have changed since the model was opened; restart to use them`,
        { retryable: false },
      )
    },
  }
}
