import { Duplex } from 'node:stream'
import type { Worker } from 'node:worker_threads'
import type { FromThread, ToThread } from './pglite-thread.ts'

/** The part of `net.Socket` that node-postgres uses, over a worker thread in place of a network. */
export class ThreadStream extends Duplex {
  readonly #thread: Worker

  constructor(thread: Worker) {
    super()
    this.#thread = thread
    thread.on('message', (message: FromThread) => {
      if (message.kind === 'bytes') this.push(Buffer.from(message.bytes.buffer))
    })
    thread.once('exit', () => this.destroy())
  }

  connect(): void {
    queueMicrotask(() => this.emit('connect'))
  }

  setNoDelay(): void {}
  setKeepAlive(): void {}
  ref(): void {}
  unref(): void {}

  override _read(): void {}

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error) => void): void {
    this.#send(new Uint8Array(chunk))
    done()
  }

  /** node-postgres corks its stream around one statement's messages, so these travel to the thread as one. */
  override _writev(
    writes: readonly { readonly chunk: Buffer }[],
    done: (error?: Error) => void,
  ): void {
    this.#send(new Uint8Array(Buffer.concat(writes.map((write) => write.chunk))))
    done()
  }

  override _final(done: (error?: Error) => void): void {
    done()
    this.destroy()
  }

  #send(bytes: Uint8Array<ArrayBuffer>): void {
    this.#thread.postMessage({ kind: 'bytes', bytes } satisfies ToThread, [bytes.buffer])
  }
}
