import { endianness } from 'node:os'

/** How a vector travels: whole as text or numbers, in 8 bits a number, or in one. */
export const ENCODINGS = ['float', 'base64', 'int8', 'uint8', 'binary', 'ubinary'] as const
export type Encoding = (typeof ENCODINGS)[number]

/** An embedding as servers send it: little-endian float32 in base64, or numbers. */
export type WireVector = string | readonly unknown[]

/**
 * The numbers of a vector; null where it is not one.
 * - `int8` in −128 … 127 are read as n / 127, `uint8` in 0 … 255 as (n − 128) / 127: the same numbers, moved by 128.
 *   The scale is of no account, since what compares such vectors is their angle.
 * - `binary` and `ubinary` hold eight signs a byte, the first in the highest bit (NumPy's `packbits`), a set bit for +;
 *   `binary` is the same byte less 128 (offset binary). Each becomes ±1/√d, so that the vector has length 1 and the
 *   cosine of two is 1 − 2 · (signs that differ) / d.
 */
export function decodeVector(wire: WireVector, encoding: Encoding): Float32Array | null {
  if (typeof wire === 'string') return isWhole(encoding) ? fromBase64(wire) : null
  switch (encoding) {
    case 'float':
    case 'base64':
      return fromNumbers(wire)
    case 'int8':
      return fromBytes(wire, 128)
    case 'uint8':
      return fromBytes(wire, 0)
    case 'binary':
      return fromSigns(wire, 128)
    case 'ubinary':
      return fromSigns(wire, 0)
  }
}

/** Whether nothing is lost on the way. */
export function isWhole(encoding: Encoding): boolean {
  return encoding === 'float' || encoding === 'base64'
}

function fromBase64(text: string): Float32Array | null {
  const bytes = Buffer.from(text, 'base64')
  if (bytes.byteLength % 4 !== 0) return null
  if (endianness() === 'BE') bytes.swap32()
  // A copy of its own: Buffer's pool gives no aligned offset and would keep 8 KiB alive for it.
  return new Float32Array(new Uint8Array(bytes).buffer)
}

function fromNumbers(numbers: readonly unknown[]): Float32Array | null {
  const vector = new Float32Array(numbers.length)
  for (let i = 0; i < numbers.length; i += 1) {
    const value = numbers[i]
    if (typeof value !== 'number') return null
    vector[i] = value
  }
  return vector
}

/** `offset` is what makes a byte of 0 … 255 of a number as it was sent. */
function fromBytes(numbers: readonly unknown[], offset: number): Float32Array | null {
  const vector = new Float32Array(numbers.length)
  for (let i = 0; i < numbers.length; i += 1) {
    const byte = byteOf(numbers[i], offset)
    if (byte === null) return null
    vector[i] = (byte - 128) / 127
  }
  return vector
}

function fromSigns(numbers: readonly unknown[], offset: number): Float32Array | null {
  const vector = new Float32Array(numbers.length * 8)
  const length = 1 / Math.sqrt(vector.length)
  for (let i = 0; i < numbers.length; i += 1) {
    const byte = byteOf(numbers[i], offset)
    if (byte === null) return null
    for (let bit = 0; bit < 8; bit += 1)
      vector[i * 8 + bit] = ((byte >> (7 - bit)) & 1) === 1 ? length : -length
  }
  return vector
}

function byteOf(number: unknown, offset: number): number | null {
  if (typeof number !== 'number' || !Number.isInteger(number)) return null
  const byte = number + offset
  return byte >= 0 && byte <= 255 ? byte : null
}
