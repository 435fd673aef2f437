import { constants } from 'node:os'

type StopSignal = 'SIGTERM' | 'SIGINT'
const STOP_SIGNALS = ['SIGTERM', 'SIGINT'] as const

/** Resolves at SIGTERM or SIGINT. A second signal ends the process at once. */
export function untilStopped(): Promise<StopSignal> {
  return new Promise((resolve) => onStop(resolve))
}

export interface Interruption {
  readonly signal: AbortSignal
  /** 130 after SIGINT, 143 after SIGTERM; null while nobody has interrupted. */
  exitCode(): number | null
}

/** For work that can be broken off: the first SIGINT or SIGTERM aborts, a second one ends the process at once. */
export function interruptible(): Interruption {
  const controller = new AbortController()
  let code: number | null = null
  onStop((signal) => {
    code = exitCodeOf(signal)
    controller.abort(new Error('interrupted'))
  })
  return { signal: controller.signal, exitCode: () => code }
}

function onStop(stop: (signal: StopSignal) => void): void {
  const first = (signal: StopSignal): void => {
    for (const each of STOP_SIGNALS) {
      process.removeListener(each, first)
      process.once(each, () => process.exit(exitCodeOf(each)))
    }
    stop(signal)
  }
  for (const each of STOP_SIGNALS) process.on(each, first)
}

/** As shells count a process that a signal ended. */
function exitCodeOf(signal: StopSignal): number {
  return 128 + constants.signals[signal]
}
