import { randomFillSync } from 'node:crypto'

/** A draw from the generator costs the same for four bytes and four thousand. */
const POOL_BYTES = 4_096

const pool = Buffer.allocUnsafeSlow(POOL_BYTES)
let at = POOL_BYTES

/** So many bytes that nobody can foresee, none of them ever given twice; at most 4,096. */
export function randomHex(bytes: number): string {
  if (at + bytes > POOL_BYTES) {
    randomFillSync(pool)
    at = 0
  }
  const hex = pool.toString('hex', at, at + bytes)
  pool.fill(0, at, at + bytes)
  at += bytes
  return hex
}
