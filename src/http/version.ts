import { decodeToken, encodeToken, foreignToken } from './token.ts'

const VERSION_MAX = 2n ** 63n - 1n

/** What a write gives out as `version` and a retrieval takes as `min_version`. */
export function encodeVersion(version: bigint): string {
  return encodeToken('v', version.toString())
}

export function decodeVersion(token: string, field = 'min_version'): bigint {
  const digits = decodeToken('v', token, field)
  const version = /^\d{1,19}$/.test(digits) ? BigInt(digits) : null
  if (version === null || version > VERSION_MAX) throw foreignToken(field)
  return version
}
