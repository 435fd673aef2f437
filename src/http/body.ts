import type { IncomingMessage } from 'node:http'
import type { z } from 'zod'
import { QuarryError } from '../core/errors.ts'
import type { HttpSettings } from './deps.ts'
import type { Arrival } from './exchange.ts'
import { decodeUtf8, parseJson } from './json.ts'
import { protocolError } from './problem.ts'
import type { BodySpec, ReceivedBody } from './route.ts'
import { check } from './validate.ts'

/** A JSON body of one schema. */
export function jsonBody<T>(
  schema: z.ZodType<T>,
  bytesMax: (settings: HttpSettings) => number,
): BodySpec<T> {
  return {
    contents: { 'application/json': schema },
    bytesMax,
    read: (received) => check(schema, jsonOf(received), 'body'),
  }
}

export function jsonOf({ bytes }: Pick<ReceivedBody, 'bytes'>): unknown {
  return parseJson(decodeUtf8(bytes, 'the body'), 'the body')
}

/** Most of a body that counts against the gate before it has arrived. */
const SMALL_BYTES = 64 * 1024

/** Bounds what all requests together hold in memory as bodies. */
export class BodyGate {
  #heldBytes = 0
  readonly #bytesMax: number

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax
  }

  hold(bytes: number): void {
    if (this.#heldBytes + bytes > this.#bytesMax)
      throw new QuarryError('unavailable', 'too many large requests are under way')
    this.#heldBytes += bytes
  }

  release(bytes: number): void {
    this.#heldBytes -= bytes
  }
}

export interface BodyLimits {
  readonly bytesMax: number
  readonly gate: BodyGate
}

/** Runs `work` with the whole body, counted against the gate until it is done. `payload_too_large` by either way of framing. */
export async function withBody<T>(
  arrival: Arrival,
  { bytesMax, gate }: BodyLimits,
  work: (bytes: Uint8Array<ArrayBuffer>) => Promise<T>,
): Promise<T> {
  const { headers } = arrival.request
  refuseEncoding(headers)
  const declared = Number(headers.get('content-length') ?? 0)
  if (declared > bytesMax) throw tooLarge(bytesMax)
  let held = 0
  const hold = (bytes: number): void => {
    gate.hold(bytes)
    held += bytes
  }
  try {
    return await work(await readAll(arrival, declared, bytesMax, hold))
  } finally {
    gate.release(held)
  }
}

/** A small body of known length is read at once, for a stream costs more than all else that HTTP does for a question. */
async function readAll(
  { request, incoming }: Arrival,
  declared: number,
  bytesMax: number,
  hold: (bytes: number) => void,
): Promise<Uint8Array<ArrayBuffer>> {
  if (declared > 0 && declared <= SMALL_BYTES) {
    hold(declared)
    return readArrived(incoming, declared) ?? (await readSmall(request, bytesMax))
  }
  return await readStream(request, bytesMax, hold)
}

/** What came along with the head, as questions do: waiting for the events of its stream takes several times as long. */
function readArrived(
  incoming: IncomingMessage | undefined,
  declared: number,
): Uint8Array<ArrayBuffer> | null {
  if (incoming?.readableLength !== declared) return null
  const bytes: Buffer | null = incoming.read()
  // To its end, before which the connection is not free for the next request.
  incoming.resume()
  return bytes && new Uint8Array(bytes)
}

async function readSmall(request: Request, bytesMax: number): Promise<Uint8Array<ArrayBuffer>> {
  const bytes = new Uint8Array(await whole(() => request.arrayBuffer()))
  if (bytes.byteLength > bytesMax) throw tooLarge(bytesMax)
  return bytes
}

async function readStream(
  request: Request,
  bytesMax: number,
  hold: (bytes: number) => void,
): Promise<Uint8Array<ArrayBuffer>> {
  const parts: Uint8Array[] = []
  let length = 0
  if (request.body === null) return new Uint8Array()
  const reader = request.body.getReader()
  for (;;) {
    const { done, value } = await whole(() => reader.read())
    if (done) return concat(parts, length)
    length += value.byteLength
    if (length > bytesMax) throw tooLarge(bytesMax)
    hold(value.byteLength)
    parts.push(value)
  }
}

async function whole<T>(read: () => Promise<T>): Promise<T> {
  try {
    return await read()
  } catch (cause) {
    throw new QuarryError('invalid_request', 'the body ended before it was whole', { cause })
  }
}

function concat(parts: readonly Uint8Array[], length: number): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(length)
  let at = 0
  for (const part of parts) {
    whole.set(part, at)
    at += part.byteLength
  }
  return whole
}

/** Unpacking would let a few bytes pass the limit as many. */
function refuseEncoding(headers: Headers): void {
  const encoding = headers.get('content-encoding')
  if (encoding !== null && encoding.toLowerCase() !== 'identity')
    throw protocolError(415, 'send the body without Content-Encoding')
}

function tooLarge(bytesMax: number): QuarryError {
  return new QuarryError('payload_too_large', `the body is larger than ${bytesMax} bytes`)
}

/** The media type of a body, which the route must accept; a charset other than UTF-8 is refused with 415. */
export function acceptedType(contentType: string | null, spec: BodySpec<unknown>): string {
  const [type = '', ...parameters] = (contentType ?? '').toLowerCase().split(';')
  const mediaType = type.trim()
  if (!Object.hasOwn(spec.contents, mediaType)) {
    const known = Object.keys(spec.contents).join(', ')
    throw protocolError(415, `Content-Type must be one of: ${known}`)
  }
  const charset = parameters.map((part) => part.trim()).find((part) => part.startsWith('charset='))
  if (charset !== undefined && !/^charset="?(?:utf-?8|us-ascii)"?$/.test(charset))
    throw protocolError(415, 'the charset must be utf-8')
  return mediaType
}
