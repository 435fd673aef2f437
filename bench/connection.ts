import { once } from 'node:events'
import { connect, type Socket } from 'node:net'

export interface Reply {
  readonly status: number
  readonly text: string
  /** From writing the request to the last byte of its answer; making text of the bytes is the caller's own. */
  readonly ms: number
}

const ANSWER_MS = 60_000
const HEAD_END = Buffer.from('\r\n\r\n')

/**
 * One kept-alive HTTP/1.1 connection, one request at a time, for answers with a Content-Length (RFC 9112, section 6).
 * Node's own client takes a tenth of a millisecond a request, which is the caller's and not the server's.
 */
export class Connection {
  readonly #socket: Socket
  readonly #host: string
  #received: Buffer[] = []
  #arrivedMs = 0
  #arrived: () => void = () => {}
  #failed: (error: Error) => void = () => {}

  private constructor(socket: Socket, host: string) {
    this.#socket = socket
    this.#host = host
    socket.on('data', (part: Buffer) => {
      this.#arrivedMs = performance.now()
      this.#received.push(part)
      this.#arrived()
    })
    socket.setTimeout(ANSWER_MS, () => socket.destroy(new Error('no answer in 60 s')))
    socket.on('error', (error) => this.#failed(error))
    socket.on('close', () => this.#failed(new Error('the server closed the connection')))
  }

  static async open(url: URL): Promise<Connection> {
    const socket = connect({ host: url.hostname, port: Number(url.port), noDelay: true })
    await once(socket, 'connect')
    return new Connection(socket, url.host)
  }

  async post(
    path: string,
    headers: Readonly<Record<string, string>>,
    body: string,
  ): Promise<Reply> {
    const all = {
      host: this.#host,
      'content-type': 'application/json',
      'content-length': String(Buffer.byteLength(body)),
      ...headers,
    }
    const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`)
    const request = `POST ${path} HTTP/1.1\r\n${lines.join('')}\r\n${body}`
    const sentMs = performance.now()
    this.#socket.write(request)
    for (;;) {
      await this.#part()
      const bytes = this.#received.length === 1 ? this.#received[0] : Buffer.concat(this.#received)
      const reply = bytes && readReply(bytes)
      if (!reply) continue
      this.#received = []
      return { ...reply, ms: this.#arrivedMs - sentMs }
    }
  }

  close(): void {
    this.#failed = () => {}
    this.#socket.destroy()
  }

  #part(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#arrived = resolve
      this.#failed = reject
    })
  }
}

/** Null until all of it has arrived. */
function readReply(bytes: Buffer): Omit<Reply, 'ms'> | null {
  const headEnd = bytes.indexOf(HEAD_END)
  if (headEnd < 0) return null
  const head = bytes.toString('latin1', 0, headEnd)
  const length = /^content-length: *(\d+)/im.exec(head)?.[1]
  const status = /^HTTP\/1\.1 (\d{3})/.exec(head)?.[1]
  if (length === undefined || status === undefined) throw new Error(`no length in: ${head}`)
  const start = headEnd + HEAD_END.length
  if (bytes.length < start + Number(length)) return null
  return { status: Number(status), text: bytes.toString('utf8', start) }
}
