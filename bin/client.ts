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
  readonly headers?: Readonly<Record<string, string>> | undefined
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
        if (body !== undefined) headers.set('content-type', 'application/json')
        const request = new Request(new URL(path, baseOf(target)), {
          method,
          headers,
          signal,
          ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        })
        return readAnswer<T>(await send(fetch, request, target), `${method} ${path}`)
      }
      return Budget.start(CALL_MS_MAX, { signal: options.signal }).run(perform)
    },
  }
}

async function readAnswer<T>(response: Response, call: string): Promise<T> {
  const text = await response.text()
  if (!response.ok) throw problemOf(response.status, text, call)
  return (text === '' ? undefined : JSON.parse(text)) as T
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
