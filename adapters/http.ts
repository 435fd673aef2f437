import type { z } from 'zod'
import { type ErrorCode, QuarryError } from '../src/core/errors.ts'

export interface JsonCall<Schema extends z.ZodType> {
  /** What the other side is called in messages, such as an embedder's name. */
  readonly upstream: string
  readonly url: string
  readonly method?: 'GET' | 'POST' | undefined
  readonly headers?: Readonly<Record<string, string>> | undefined
  /** Sent as JSON. */
  readonly body?: unknown
  readonly schema: Schema
  /** Ends the call at any point, headers or body. */
  readonly signal: AbortSignal
  /** Of the decoded answer. */
  readonly responseBytesMax: number
}

/**
 * One JSON exchange with a model server. Every failure is a `QuarryError`: `rate_limited` for 429, `invalid_request`
 * for 400, 413 and 422, `upstream_failed` for the rest, retryable where another try can help. `details` has `status`
 * and, where the server says so, `retryAfterMs`. Nothing that was sent or received gets into a message.
 */
export async function callJson<Schema extends z.ZodType>(
  call: JsonCall<Schema>,
): Promise<z.output<Schema>> {
  const response = await send(call)
  if (!response.ok) {
    await discard(response)
    throw refusal(call.upstream, response)
  }
  const text = await readText(call, response, call.responseBytesMax)
  return parse(call, text)
}

async function send(call: JsonCall<z.ZodType>): Promise<Response> {
  try {
    return await fetch(call.url, {
      method: call.method ?? 'POST',
      headers: {
        accept: 'application/json',
        'accept-encoding': 'identity',
        ...(call.body === undefined ? {} : { 'content-type': 'application/json' }),
        ...call.headers,
      },
      ...(call.body === undefined ? {} : { body: JSON.stringify(call.body) }),
      redirect: 'manual',
      signal: call.signal,
    })
  } catch (error) {
    throw broken(call, error)
  }
}

/** Counts decoded bytes as they come: undici's own limit does not see what a small gzip body inflates to. */
async function readText(
  call: JsonCall<z.ZodType>,
  response: Response,
  bytesMax: number,
): Promise<string> {
  if (response.body === null) return ''
  const parts: Uint8Array[] = []
  let bytes = 0
  try {
    for await (const part of response.body) {
      bytes += part.byteLength
      if (bytes > bytesMax)
        throw new QuarryError(
          'upstream_failed',
          `${call.upstream} answered with more than ${bytesMax} bytes`,
          { retryable: false },
        )
      parts.push(part)
    }
  } catch (error) {
    throw error instanceof QuarryError ? error : broken(call, error)
  }
  return Buffer.concat(parts).toString('utf8')
}

function parse<Schema extends z.ZodType>(call: JsonCall<Schema>, text: string): z.output<Schema> {
  let json: unknown
  try {
    json = JSON.parse(text)
  } catch {
    throw new QuarryError('upstream_failed', `${call.upstream} answered with what is not JSON`)
  }
  const parsed = call.schema.safeParse(json)
  if (parsed.success) return parsed.data
  const issue = parsed.error.issues[0]
  const place = issue === undefined || issue.path.length === 0 ? 'the top' : issue.path.join('.')
  throw new QuarryError(
    'upstream_failed',
    `${call.upstream} answered with an unexpected shape at ${place} (${issue?.code ?? 'unknown'})`,
  )
}

async function discard(response: Response): Promise<void> {
  try {
    await response.body?.cancel()
  } catch {
    // The connection broke while its body was being thrown away; the status is already known.
  }
}

/** Node's fetch puts header values into its messages, so only the error's code is repeated. */
function broken(call: JsonCall<z.ZodType>, error: unknown): QuarryError {
  if (call.signal.aborted) return abortError(call.signal)
  const cause = error instanceof Error ? (error.cause ?? error) : error
  const code =
    cause instanceof Error && 'code' in cause && typeof cause.code === 'string' ? cause.code : null
  return new QuarryError(
    'upstream_failed',
    `the connection to ${call.upstream} failed${code === null ? '' : ` (${code})`}`,
  )
}

/** What a call rejects with when its signal ended it: the signal's own reason where that is one of ours. */
export function abortError(signal: AbortSignal): QuarryError {
  const { reason } = signal
  if (reason instanceof QuarryError) return reason
  return new QuarryError('deadline_exceeded', 'the call was given up before it was answered', {
    cause: reason,
  })
}

interface Verdict {
  readonly code: ErrorCode
  readonly retryable: boolean
  readonly says: string
}

function refusal(upstream: string, response: Response): QuarryError {
  const { status } = response
  const { code, retryable, says } = verdictOn(status)
  const retryAfterMs = readRetryAfter(response.headers)
  return new QuarryError(code, `${upstream} ${says} (HTTP ${status})`, {
    retryable,
    details: { status, ...(retryAfterMs === null ? {} : { retryAfterMs }) },
  })
}

function verdictOn(status: number): Verdict {
  if (status === 429)
    return { code: 'rate_limited', retryable: true, says: 'asks for fewer requests' }
  if (status === 400 || status === 413 || status === 422)
    return { code: 'invalid_request', retryable: false, says: 'refused the input' }
  if (status === 401 || status === 403)
    return { code: 'upstream_failed', retryable: false, says: 'refused our credentials' }
  if (status === 404)
    return { code: 'upstream_failed', retryable: false, says: 'knows no such path or model' }
  if (status >= 300 && status < 400)
    return {
      code: 'upstream_failed',
      retryable: false,
      says: 'answered with a redirect, which is not followed',
    }
  // 424 is how TEI reports that its model backend failed.
  const retryable = status >= 500 || status === 408 || status === 409 || status === 424
  return { code: 'upstream_failed', retryable, says: 'failed' }
}

/** `retry-after-ms`, or `retry-after` as seconds or as a date; null when absent or unreadable. */
export function readRetryAfter(headers: Headers, now = Date.now()): number | null {
  const ms = headers.get('retry-after-ms')
  if (ms !== null && /^\d{1,9}(\.\d+)?$/.test(ms)) return Math.ceil(Number(ms))
  const after = headers.get('retry-after')?.trim()
  if (after === undefined) return null
  if (/^\d{1,6}(\.\d+)?$/.test(after)) return Math.ceil(Number(after) * 1_000)
  const at = Date.parse(after)
  return Number.isNaN(at) ? null : Math.max(0, at - now)
}
