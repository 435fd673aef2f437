import { crc32 } from 'node:zlib'
import { isStorable } from '../catalog/storable.ts'
import { QuarryError } from '../core/errors.ts'

const TOKEN_CHARS_MAX = 1_024

/** Opaque text for callers: base64url of the payload and a checksum, so that what we did not write is refused. Not a secret. */
export function encodeToken(kind: string, payload: string): string {
  return `${kind}${Buffer.from(payload, 'utf8').toString('base64url')}.${checksum(kind, payload)}`
}

/** The payload, or `invalid_request` naming the field that carried the token. */
export function decodeToken(kind: string, token: string, field: string): string {
  const dot = token.lastIndexOf('.')
  if (token.length <= TOKEN_CHARS_MAX && token.startsWith(kind) && dot >= kind.length) {
    const payload = Buffer.from(token.slice(kind.length, dot), 'base64url').toString('utf8')
    if (encodeToken(kind, payload) === token && isStorable(payload)) return payload
  }
  throw foreignToken(field)
}

export function foreignToken(field: string): QuarryError {
  const detail = 'not a token that this service gave out'
  return new QuarryError('invalid_request', `${field}: ${detail}`, {
    details: { errors: [{ pointer: `/${field}`, detail }] },
  })
}

function checksum(kind: string, payload: string): string {
  return crc32(`${kind}:${payload}`).toString(16).padStart(8, '0')
}
