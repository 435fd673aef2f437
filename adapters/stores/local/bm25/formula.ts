/**
 * Lengths as Lucene's norms keep them (SmallFloat.intToByte4): one byte, exact up to 39, then rounded down to four
 * significant bits of what is above 24.
 */
const EXACT_MAX = 24
const LENGTH_MAX = 2 ** 31 - 1

/** The byte of a length; fractions are rounded to the nearest whole number first. */
export function lengthByte(length: number): number {
  const whole = Math.min(LENGTH_MAX, Math.round(length))
  return whole < EXACT_MAX ? whole : EXACT_MAX + encode(whole - EXACT_MAX)
}

/** Three bits of mantissa, below them where there are more a hidden one and the exponent: 0 to 15 as they are. */
function encode(whole: number): number {
  const shift = 28 - Math.clz32(whole)
  return shift < 0 ? whole : ((whole >>> shift) & 7) | ((shift + 1) << 3)
}

function decode(code: number): number {
  const shift = (code >>> 3) - 1
  return shift < 0 ? code : ((code & 7) | 8) * 2 ** shift
}

/** What a byte stands for. */
export const ROUNDED_LENGTHS: Float64Array = Float64Array.from({ length: 256 }, (_, byte) =>
  byte < EXACT_MAX ? byte : EXACT_MAX + decode(byte - EXACT_MAX),
)

export interface Bm25 {
  readonly k1: number
  readonly b: number
}

/** k1·(1 − b + b·length/average) by the byte of the length. */
export function normsOf({ k1, b }: Bm25, averageLength: number): Float64Array {
  return ROUNDED_LENGTHS.map((length) => k1 * (1 - b + (b * length) / averageLength))
}

/** The same, made once while the average stays as it is: over several segments, a search would allocate much for them. */
export function keptNorms(bm25: Bm25): (averageLength: number) => Float64Array {
  let norms: Float64Array = new Float64Array()
  let average = Number.NaN
  return (averageLength) => {
    if (averageLength !== average) {
      norms = normsOf(bm25, averageLength)
      average = averageLength
    }
    return norms
  }
}

/** What one term adds to the score of a row. Written once, since equal rows must tie to the last bit everywhere. */
export function termScore(weight: number, tf: number, norm: number): number {
  return (weight * tf) / (tf + norm)
}
