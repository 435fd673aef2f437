/** A caller of the HTTP API as a product backend would be, without any code of the service. */
export interface Api {
  call(
    method: string,
    path: string,
    body?: unknown,
    headers?: Readonly<Record<string, string>>,
  ): Promise<Answer>
  as(tenant: string): Api
  withKey(key: string): Api
}

export interface Answer {
  readonly status: number
  readonly headers: Headers
  // The tests look into answers of every shape; each asserts the part it reads.
  // biome-ignore lint/suspicious/noExplicitAny: see above
  readonly body: any
}

export function apiAt(url: string, key: string, tenant: string | null = 'acme'): Api {
  return {
    as: (other) => apiAt(url, key, other),
    withKey: (other) => apiAt(url, other, tenant),
    async call(method, path, body, headers = {}) {
      const raw = typeof body === 'string' || body instanceof Uint8Array
      const response = await fetch(new URL(path, url), {
        method,
        headers: {
          authorization: `Bearer ${key}`,
          ...(tenant === null ? {} : { 'x-tenant-id': tenant }),
          ...(body === undefined || raw ? {} : { 'content-type': 'application/json' }),
          ...headers,
        },
        ...(body === undefined
          ? {}
          : { body: raw ? (body as string | Uint8Array<ArrayBuffer>) : JSON.stringify(body) }),
        signal: AbortSignal.timeout(60_000),
      })
      const text = await response.text()
      const json = /[/+]json/.test(response.headers.get('content-type') ?? '')
      return {
        status: response.status,
        headers: response.headers,
        body: json && text !== '' ? JSON.parse(text) : text,
      }
    },
  }
}
