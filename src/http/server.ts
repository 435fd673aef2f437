import { createServer, type Server } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { getRequestListener } from '@hono/node-server'
import type { Hono } from 'hono'
import { QuarryError } from '../core/errors.ts'
import { LIMITS, type Limits } from '../core/limits.ts'
import { asQuarryError, problemHeaders, problemOf, protocolError, statusOf } from './problem.ts'

export type ServerLimits = Pick<
  Limits,
  'headersMs' | 'requestMs' | 'keepAliveMs' | 'connections' | 'headers' | 'headerBytes'
>

export interface ServerOptions extends ServerLimits {
  readonly host: string
  /** 0 for any free one. */
  readonly port: number
}

export interface RunningServer {
  /** `http://127.0.0.1:8080`, with the port that was taken. */
  readonly url: string
  /** Takes no new requests, lets those under way finish for `drainMs`, then cuts what is left. */
  close(drainMs: number): Promise<void>
}

const DRAIN_POLL_MS = 25

/** Serves the app with every limit of node:http set on purpose. */
export async function startServer(
  app: Pick<Hono, 'fetch'>,
  { host, port, ...limits }: ServerOptions,
): Promise<RunningServer> {
  const server = createLimitedServer(app, limits)
  await listen(server, host, port)
  const { address, family, port: taken } = server.address() as AddressInfo
  const shownHost = family === 'IPv6' ? `[${address}]` : address
  return { url: `http://${shownHost}:${taken}`, close: (drainMs) => drain(server, drainMs) }
}

function createLimitedServer(app: Pick<Hono, 'fetch'>, limits: ServerLimits): Server {
  const handle = getRequestListener(
    (request, env) =>
      // Node drops headers above the count without a word; one of them may name the tenant.
      'rawHeaders' in env.incoming && env.incoming.rawHeaders.length / 2 > limits.headers
        ? refusal(protocolError(431, `a request may have at most ${limits.headers} headers`))
        : app.fetch(request, env),
    { errorHandler: refuseUnreadable },
  )
  const server = createServer(
    {
      headersTimeout: limits.headersMs,
      requestTimeout: Math.max(limits.requestMs, limits.headersMs),
      keepAliveTimeout: limits.keepAliveMs,
      maxHeaderSize: limits.headerBytes,
      connectionsCheckingInterval: Math.min(1_000, Math.ceil(limits.headersMs / 4)),
    },
    (incoming, outgoing) => {
      if (!server.listening) outgoing.setHeader('connection', 'close')
      handle(incoming, outgoing).catch((error: unknown) => outgoing.destroy(error as Error))
    },
  )
  server.maxHeadersCount = limits.headers + 1
  server.maxConnections = limits.connections
  // A client that neither sends nor reads: longer than any wait that the service itself imposes.
  server.timeout = limits.requestMs + LIMITS.waitIndexedMs.max
  server.on('clientError', answerBrokenRequest)
  return server
}

/** What never became a request: a bad Host header, a bad target. */
function refuseUnreadable(error: unknown): Response {
  const isRequestError = error instanceof Error && error.name === 'RequestError'
  return refusal(
    isRequestError
      ? new QuarryError('invalid_request', 'the request line or the Host header is malformed')
      : asQuarryError(error),
  )
}

function refusal(error: QuarryError): Response {
  const problem = problemOf(error, '/', crypto.randomUUID())
  const headers = { ...problemHeaders(error), connection: 'close' }
  return new Response(JSON.stringify(problem), { status: statusOf(error), headers })
}

const BROKEN: Readonly<Record<string, string>> = {
  HPE_HEADER_OVERFLOW: '431 Request Header Fields Too Large',
  ERR_HTTP_REQUEST_TIMEOUT: '408 Request Timeout',
}

function answerBrokenRequest(error: NodeJS.ErrnoException, socket: Socket): void {
  if (!socket.writable || error.code === 'ECONNRESET') {
    socket.destroy()
    return
  }
  const statusLine = BROKEN[error.code ?? ''] ?? '400 Bad Request'
  const [status = '400', ...title] = statusLine.split(' ')
  const body = JSON.stringify({
    type: 'urn:quarry:problem:invalid_request',
    title: title.join(' '),
    status: Number(status),
    detail: 'the request could not be read',
    instance: '/',
    code: 'invalid_request',
    request_id: crypto.randomUUID(),
    retryable: false,
  })
  const head = [
    `HTTP/1.1 ${statusLine}`,
    'Connection: close',
    'Content-Type: application/problem+json',
    `Content-Length: ${Buffer.byteLength(body)}`,
  ]
  socket.end(`${head.join('\r\n')}\r\n\r\n${body}`)
}

function listen(server: Server, host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, host, () => {
      server.off('error', reject)
      resolve()
    })
  })
}

function drain(server: Server, drainMs: number): Promise<void> {
  return new Promise((resolve, reject) => {
    // Kept connections become idle one by one as their answers are written.
    const idle = setInterval(() => server.closeIdleConnections(), DRAIN_POLL_MS)
    const cut = setTimeout(() => server.closeAllConnections(), drainMs)
    server.close((error) => {
      clearInterval(idle)
      clearTimeout(cut)
      if (error) reject(error)
      else resolve()
    })
    server.closeIdleConnections()
  })
}
