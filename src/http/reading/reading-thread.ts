import { MessageChannel, type MessagePort, parentPort, workerData } from 'node:worker_threads'
import type { QuarryError } from '../../core/errors.ts'
import { asQuarryError } from '../problem.ts'
import { type Content, createRead, type ReadingLimits, type Readings } from './read-content.ts'

export interface ReadTask {
  readonly id: number
  readonly kind: keyof Readings
  readonly content: Content
}

/** What of an error crosses the thread's border. */
type Fault = Pick<QuarryError, 'code' | 'message' | 'retryable' | 'details' | 'cause'>

/** `parts` holds that many documents or golden queries, one a message: who takes them decides how many at a time. */
export type ReadAnswer =
  | { readonly id: number; readonly count: number; readonly parts: MessagePort }
  | { readonly id: number; readonly error: Fault }

const read = createRead(workerData as ReadingLimits)

parentPort?.on('message', (task: ReadTask) => void answer(task))

async function answer({ id, kind, content }: ReadTask): Promise<void> {
  try {
    const value = await read(kind, content)
    const parts = 'content' in value ? [value] : value
    const { port1, port2 } = new MessageChannel()
    for (const part of parts)
      port1.postMessage(part, 'content' in part ? [part.content.buffer as ArrayBuffer] : [])
    const answered: ReadAnswer = { id, count: parts.length, parts: port2 }
    parentPort?.postMessage(answered, [port2])
  } catch (thrown) {
    const { code, message, retryable, details, cause } = asQuarryError(thrown)
    const error: Fault = { code, message, retryable, details, cause }
    parentPort?.postMessage({ id, error } satisfies ReadAnswer)
  }
}
