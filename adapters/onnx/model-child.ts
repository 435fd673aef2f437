import type { ChildProcess } from 'node:child_process'
import { QuarryError } from '../../src/core/errors.ts'
import { watchMemory } from '../../src/core/memory-watch.ts'
import { bareEnvironment, rest, startChild, wake } from '../../src/core/spawnable.ts'
import type { ChildMessage, ChildSettings, ModelDescription, ModelInput } from './protocol.ts'

export interface ChildLimits {
  readonly startMs: number
  readonly runMs: number
  readonly memoryMiB: number
}

export type Answer = Extract<ChildMessage, { kind: 'batch' | 'fault' }>

/** A process that holds a model and answers one bundle at a time; dead for good once a run went wrong. */
export interface ModelChild {
  readonly description: ModelDescription
  alive(): boolean
  /** Hands over answers as they come. An abort ends the process, and rejects with the signal's reason. */
  run(
    inputs: readonly ModelInput[],
    onAnswer: (answer: Answer) => void,
    signal: AbortSignal,
  ): Promise<void>
  kill(): void
}

const STDERR_CHARS = 2_000

/** Resolves when the model is loaded; rejects with what the child says is wrong with it, or `unavailable`. */
export async function startModelChild(
  settings: ChildSettings,
  limits: ChildLimits,
  onExit: () => void,
): Promise<ModelChild> {
  const child = startChild(new URL('./child.ts', import.meta.url), [JSON.stringify(settings)], {
    serialization: 'advanced',
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    env: bareEnvironment(),
  })
  let stderr = ''
  child.stderr?.on('data', (data) => {
    stderr = `${stderr}${data}`.slice(-STDERR_CHARS)
  })
  // An error event means that it could not be started or told something; its exit says so where it is awaited.
  child.on('error', () => {})
  try {
    const description = await ready(child, limits.startMs, () => stderr)
    child.once('exit', onExit)
    rest(child)
    return {
      description,
      alive: () => isAlive(child),
      run: (inputs, onAnswer, signal) => run(child, limits, inputs, onAnswer, signal),
      kill: () => void child.kill('SIGKILL'),
    }
  } catch (error) {
    child.kill('SIGKILL')
    throw error
  }
}

function isAlive({ exitCode, signalCode, killed, connected }: ChildProcess): boolean {
  return exitCode === null && signalCode === null && !killed && connected
}

function ready(
  child: ChildProcess,
  startMs: number,
  stderr: () => string,
): Promise<ModelDescription> {
  return new Promise((resolve, reject) => {
    const failed = (why: string): void =>
      reject(
        new QuarryError('unavailable', `the model process did not start: ${why}`, {
          details: { stderr: stderr() },
        }),
      )
    const timer = setTimeout(() => failed(`not ready within ${startMs} ms`), startMs)
    child.once('exit', (code, signal) => failed(`it ended with ${signal ?? code}`))
    child.once('error', (error) => failed(error.message))
    child.once('message', (message: ChildMessage) => {
      if (message.kind === 'ready') resolve(message.description)
      else if (message.kind === 'failed') reject(new QuarryError(message.code, message.message))
      else failed('it spoke out of turn')
    })
    child.once('exit', () => clearTimeout(timer)).once('message', () => clearTimeout(timer))
  })
}

function run(
  child: ChildProcess,
  { runMs, memoryMiB }: ChildLimits,
  inputs: readonly ModelInput[],
  onAnswer: (answer: Answer) => void,
  signal: AbortSignal,
): Promise<void> {
  wake(child)
  return new Promise<void>((resolve, reject) => {
    const ended = new AbortController()
    const settle = (error: unknown): void => {
      if (ended.signal.aborted) return
      ended.abort()
      clearTimeout(timer)
      signal.removeEventListener('abort', onAbort)
      child.off('message', onMessage).off('exit', onExit)
      rest(child)
      if (error === null) resolve()
      else {
        child.kill('SIGKILL')
        reject(error)
      }
    }
    const onAbort = (): void => settle(signal.reason)
    const onExit = (code: number | null, killed: NodeJS.Signals | null): void =>
      settle(failure(`ended with ${killed ?? code}`))
    const onMessage = (message: ChildMessage): void => {
      timer.refresh()
      if (message.kind === 'end') settle(null)
      else if (message.kind === 'batch' || message.kind === 'fault') onAnswer(message)
    }
    const timer = setTimeout(() => settle(failure(`needed more than ${runMs} ms`)), runMs)
    watchMemory(child.pid, memoryMiB, ended.signal, () =>
      settle(failure(`needed more than ${memoryMiB} MiB`)),
    )
    signal.addEventListener('abort', onAbort, { once: true })
    child.on('message', onMessage).on('exit', onExit)
    if (signal.aborted) onAbort()
    else if (!isAlive(child)) onExit(child.exitCode, child.signalCode)
    // A send that fails means a process that has died, and its end says more than the error.
    else child.send({ inputs }, undefined, undefined, () => {})
  })
}

function failure(what: string): QuarryError {
  return new QuarryError('upstream_failed', `the model process ${what} in a run`)
}
