import { hash } from 'node:crypto'
import type { ApiKey, KeyScope, Keys } from '../catalog/catalog.ts'
import { QuarryError } from '../core/errors.ts'
import type { TenantId } from '../core/model.ts'

/** Who asks. `tenant` is the one tenant that the key is bound to; null for a key that acts for any. */
export interface Caller {
  readonly keyId: string
  readonly scopes: readonly KeyScope[]
  readonly tenant: TenantId | null
}

export interface Authenticator {
  /** The caller behind an `Authorization` header; `unauthenticated` otherwise, the same for every wrong one. */
  authenticate(authorization: string | null): Promise<Caller>
  /** After a revocation here: this process forgets at once, others within the cache's life. */
  forget(): void
}

const CACHE_MS = 1_000
const CACHE_ENTRIES = 4_096
const BEARER = /^Bearer ([\x21-\x7e]{1,256})$/i
export const TENANT_ID = /^[A-Za-z0-9][A-Za-z0-9_-]{0,62}$/

interface Entry {
  readonly key: Promise<ApiKey | null>
  readonly until: number
}

/** Answers of the catalog are kept for a second, so that a key costs one look-up a second and a revocation holds within it. */
export function createAuthenticator(keys: Keys, clock: () => number = Date.now): Authenticator {
  const cache = new Map<string, Entry>()
  const lookUp = (presented: string): Promise<ApiKey | null> => {
    // The cache holds hashes, so that no heap dump of it gives keys away.
    const digest = hash('sha256', presented, 'base64')
    const known = cache.get(digest)
    if (known !== undefined && known.until > clock()) return known.key
    const key = keys.authenticate(presented)
    cache.delete(digest)
    if (cache.size >= CACHE_ENTRIES) evictOldest(cache)
    cache.set(digest, { key, until: clock() + CACHE_MS })
    key.catch(() => cache.delete(digest))
    return key
  }
  return {
    authenticate: async (authorization) => {
      const presented = BEARER.exec(authorization ?? '')?.[1]
      if (presented === undefined)
        throw new QuarryError('unauthenticated', 'send a key: "Authorization: Bearer qk_…"')
      const key = await lookUp(presented)
      if (key === null || hasExpired(key, clock()))
        throw new QuarryError('unauthenticated', 'this key is unknown, revoked or expired')
      return { keyId: key.id, scopes: key.scopes, tenant: key.tenant }
    },
    forget: () => cache.clear(),
  }
}

function evictOldest(cache: Map<string, Entry>): void {
  for (const hash of cache.keys()) {
    cache.delete(hash)
    return
  }
}

function hasExpired(key: ApiKey, now: number): boolean {
  return key.expiresAt !== null && key.expiresAt.getTime() <= now
}

/** Without keys: the operator's own process on loopback, as admin of any tenant. */
export const LOCAL_CALLER: Caller = { keyId: 'local', scopes: ['admin'], tenant: null }
const LOCAL_TENANT = 'default' as TenantId

/** `forbidden` unless the key has one of the scopes; `admin` has them all, an empty list asks for none. */
export function requireScope(caller: Caller, scopes: readonly KeyScope[]): void {
  if (scopes.length === 0 || caller.scopes.includes('admin')) return
  if (!scopes.some((scope) => caller.scopes.includes(scope)))
    throw new QuarryError('forbidden', `this key lacks the scope ${scopes.join(' or ')}`)
}

/** `forbidden` for a key bound to a tenant: what it asks for reaches beyond one tenant. */
export function requireUnbound(caller: Caller): void {
  if (caller.tenant !== null)
    throw new QuarryError('forbidden', 'a key that is bound to a tenant may not do this')
}

/** The tenant that a request is for, from the key or the `X-Tenant-Id` header; null when neither names one. */
export function namedTenant(caller: Caller, header: string | null): TenantId | null {
  if (header !== null && !TENANT_ID.test(header))
    throw new QuarryError('invalid_request', `X-Tenant-Id must match ${TENANT_ID.source}`)
  if (caller.tenant !== null && header !== null && header !== caller.tenant)
    throw new QuarryError('forbidden', 'this key is bound to another tenant than X-Tenant-Id')
  return caller.tenant ?? (header as TenantId | null)
}

export function requireTenant(caller: Caller, header: string | null): TenantId {
  const tenant = namedTenant(caller, header)
  if (tenant !== null) return tenant
  if (caller === LOCAL_CALLER) return LOCAL_TENANT
  throw new QuarryError('invalid_request', 'name the tenant in the header X-Tenant-Id')
}

const LOOPBACK = /^(?:localhost|127\.\d{1,3}\.\d{1,3}\.\d{1,3}|\[::1\])(?::\d+)?$/i

/** Without keys, a page in the operator's browser must not reach in: neither by another origin nor by a rebound name. */
export function requireLoopback(host: string | null, origin: string | null): void {
  if (host !== null && !LOOPBACK.test(host))
    throw new QuarryError('forbidden', 'without keys only localhost is served')
  if (origin !== null && origin !== `http://${host}`)
    throw new QuarryError('forbidden', 'without keys no other origin is served')
}
