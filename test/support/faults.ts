/** Ways in which a dependency goes wrong, as stand-ins for any one of its asynchronous methods. */

/** Never settles and ignores its signal. */
export const hanging = (): Promise<never> => new Promise(() => {})

export const failing =
  (error: unknown): (() => Promise<never>) =>
  () =>
    Promise.reject(error)

/** Answers as `method` does, `ms` later, unless a signal among its arguments aborts first. */
export function slow<A extends readonly unknown[], R>(
  ms: number,
  method: (...args: A) => Promise<R>,
): (...args: A) => Promise<R> {
  return async (...args) => {
    await pause(
      ms,
      args.find((arg) => arg instanceof AbortSignal),
    )
    return method(...args)
  }
}

function pause(ms: number, signal: AbortSignal | undefined): Promise<void> {
  signal?.throwIfAborted()
  return new Promise((resolve, reject) => {
    const onAbort = (): void => {
      clearTimeout(timer)
      reject(signal?.reason)
    }
    const timer = setTimeout(() => {
      signal?.removeEventListener('abort', onAbort)
      resolve()
    }, ms)
    signal?.addEventListener('abort', onAbort, { once: true })
  })
}
