import { abortError } from '../http.ts'
import type { HostAnswer, HostCall } from './host.ts'
import type { ModelInput } from './protocol.ts'
import { estimateOf, type Item } from './queue.ts'

/** Splits a call into items and gathers their answers; `onLeave` is told when it ends before all of them came. */
export function openCall(
  inputs: readonly ModelInput[],
  { lane, signal, partial = false }: HostCall,
  tokensMax: number,
  onLeave: () => void,
): { readonly items: readonly Item[]; readonly done: Promise<HostAnswer> } {
  const values = new Array<Float32Array | undefined>(inputs.length).fill(undefined)
  let open = inputs.length
  let tokens = 0
  let settled = false
  let settle: (error: unknown) => void = () => {}
  const done = new Promise<HostAnswer>((resolve, reject) => {
    const onAbort = (): void => settle(partial ? null : abortError(signal))
    settle = (error) => {
      if (settled) return
      settled = true
      signal.removeEventListener('abort', onAbort)
      if (error === null) resolve({ values, tokens })
      else reject(error)
      if (open > 0) onLeave()
    }
    signal.addEventListener('abort', onAbort, { once: true })
  })
  const items = inputs.map(
    (input, place): Item => ({
      input,
      estimate: estimateOf(input, tokensMax),
      lane,
      faults: 0,
      isWanted: () => !settled && values[place] === undefined,
      answer: (answer, counted) => {
        values[place] = answer
        tokens += counted
        open -= 1
        if (open === 0) settle(null)
      },
      fail: settle,
    }),
  )
  if (inputs.length === 0) settle(null)
  return { items, done }
}
