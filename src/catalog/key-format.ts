import { createHash, randomInt } from 'node:crypto'
import { crc32 } from 'node:zlib'

/**
 * `qk_<id>_<secret><checksum>`: an id of 12 characters, a secret of 43 (256 random bits) and a CRC-32 of all before
 * it, in base62. The prefix lets secret scanners find a leaked key; the checksum lets a mistyped one be refused
 * without asking the database.
 */
const FORMAT = /^(qk_([0-9A-Za-z]{12})_([0-9A-Za-z]{43}))([0-9A-Za-z]{6})$/
const ALPHABET = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'

interface KeyParts {
  readonly id: string
  readonly secret: string
}

export function generateKey(): KeyParts & { readonly text: string } {
  const id = randomBase62(12)
  const secret = randomBase62(43)
  const body = `qk_${id}_${secret}`
  return { id, secret, text: body + checksum(body) }
}

/** The parts of a well-formed key; null for any other text. */
export function parseKey(text: string): KeyParts | null {
  const match = FORMAT.exec(text)
  if (match === null) return null
  const [, body = '', id = '', secret = '', sum = ''] = match
  return checksum(body) === sum ? { id, secret } : null
}

/** One SHA-256 is enough: a secret of 256 random bits cannot be guessed, however fast a guess is. */
export function hashSecret(secret: string): Uint8Array {
  return createHash('sha256').update(secret).digest()
}

function randomBase62(length: number): string {
  return Array.from({ length }, () => ALPHABET[randomInt(ALPHABET.length)]).join('')
}

function checksum(body: string): string {
  let rest = crc32(body)
  let text = ''
  for (let place = 0; place < 6; place += 1) {
    text = ALPHABET.charAt(rest % 62) + text
    rest = Math.floor(rest / 62)
  }
  return text
}
