import { Budget } from '../src/core/budget.ts'
import { QuarryError } from '../src/core/errors.ts'

/** Speaks the HTTP API, over the network to a running service or straight into one in this process. */
export interface Client {
  /** Where it leads, for people. */
  readonly target: string
  call<T>(method: string, path: string, body?: unknown, options?: CallOptions): Promise<T>
  /** One in this process gets so long to finish what is under way; by default what is configured. */
  close(drainMs?: number): Promise<void>
}

export interface CallOptions {
  readonly signal?: AbortSignal | undefined
  /** A body of another Content-Type than JSON is text, and sent as it is. */
  readonly headers?: Readonly<Record<string, string>> | undefined
  /** The answer as text rather than parsed. */
  readonly asText?: boolean | undefined
}

export type Fetch = (request: Request) => Promise<Response> | Response

export interface ClientOptions {
  readonly target: string
  readonly fetch: Fetch
  readonly key: string | null
  readonly tenant: string | null
  readonly close?: ((drainMs?: number) => Promise<void>) | undefined
}

const CALL_MS_MAX = 120_000

export function createClient({ target, fetch, key, tenant, close }: ClientOptions): Client {
  const identity = new Headers()
  if (key !== null) identity.set('authorization', `Bearer ${key}`)
  if (tenant !== null) identity.set('x-tenant-id', tenant)
  return {
    target,
    close: async (drainMs) => close?.(drainMs),
    call<T>(method: string, path: string, body?: unknown, options: CallOptions = {}) {
      const perform = async (signal: AbortSignal): Promise<T> => {
        const headers = new Headers([...identity, ...Object.entries(options.headers ?? {})])
        const content = contentOf(body, headers)
        const request = new Request(new URL(path, baseOf(target)), {
          method,
          headers,
          signal,
          ...content,
        })
        const text = await readText(await send(fetch, request, target), `${method} ${path}`)
        if (options.asText) return text as T
        return (text === '' ? undefined : JSON.parse(text)) as T
      }
      return Budget.start(CALL_MS_MAX, { signal: options.signal }).run(perform)
    },
  }
}

/** Text with a Content-Type of its own goes out as it is, everything else as JSON. */
function contentOf(body: unknown, headers: Headers): { readonly body?: string } {
  if (body === undefined) return {}
  if (typeof body === 'string' && headers.has('content-type')) return { body }
  headers.set('content-type', 'application/json')
  return { body: JSON.stringify(body) }
}

async function readText(response: Response, call: string): Promise<string> {
  const text = await response.text()
  if (!response.ok) throw problemOf(response.status, text, call)
  return text
}

function baseOf(target: string): string {
  return target.startsWith('http') ? target : 'http://quarry.invalid'
}

async function send(fetch: Fetch, request: Request, target: string): Promise<Response> {
  try {
    return await fetch(request)
  } catch (cause) {
    if (request.signal.aborted)
      throw new QuarryError('deadline_exceeded', 'the call was stopped', { cause })
    throw new QuarryError(
      'unavailable',
      `no answer from ${target}: is the service running there?`,
      { cause },
    )
  }
}

function problemOf(status: number, text: string, call: string): QuarryError {
  try {
    const problem = JSON.parse(text) as {
      code?: QuarryError['code']
      detail?: string
      errors?: { pointer?: string; detail?: string }[]
    }
    const faults = (problem.errors ?? []).map(
      ({ pointer, detail }) => `\n  ${pointer ?? ''}: ${detail ?? ''}`,
    )
    return new QuarryError(
      problem.code ?? 'internal',
      `${problem.detail ?? `status ${status}`}${faults.join('')}`,
      {
        details: { status, call },
      },
    )
  } catch {
    return new QuarryError('upstream_failed', `${call}: status ${status} and no explanation`, {
      details: { status },
    })
  }
}
