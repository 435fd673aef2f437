/**
 * A text as hashes (32 bits, signed) of its words in lower case, in order: enough to tell how alike two texts are. Scripts
 * written without spaces count each character as a word.
 */
export function wordHashes(text: string): Int32Array {
  const lower = text.toLowerCase()
  const hashes = new Int32Array(lower.length)
  let count = 0
  let hash = FNV_OFFSET
  let inWord = false
  for (let at = 0; at < lower.length; at++) {
    const unit = lower.charCodeAt(at)
    const kind = unit < 128 ? (ASCII_KINDS[unit] ?? GAP) : kindOf(unit)
    if (kind === LETTER) {
      hash = Math.imul(hash ^ unit, FNV_PRIME)
      inWord = true
      continue
    }
    if (inWord) {
      hashes[count++] = mixed(hash)
      hash = FNV_OFFSET
      inWord = false
    }
    if (kind === IDEOGRAPH) hashes[count++] = mixed(Math.imul(FNV_OFFSET ^ unit, FNV_PRIME))
  }
  if (inWord) hashes[count++] = mixed(hash)
  return hashes.subarray(0, count)
}

/** Spreads the bits of a hash evenly (the finaliser of MurmurHash3). */
export function mixed(value: number): number {
  let hash = value
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35)
  return hash ^ (hash >>> 16)
}

const FNV_OFFSET = 0x811c9dc5
const FNV_PRIME = 0x01000193

const GAP = 0
const LETTER = 1
const IDEOGRAPH = 2

const ASCII_KINDS = Uint8Array.from({ length: 128 }, (_, unit) =>
  /[a-z0-9]/.test(String.fromCharCode(unit)) ? LETTER : GAP,
)

/** By block: Thai to Myanmar, Khmer, and from CJK radicals up to Hangul are written without spaces (Hangul is not, but its syllables carry as much). */
function kindOf(unit: number): number {
  if (unit < 0xaa) return GAP
  if ((unit >= 0x0e00 && unit <= 0x109f) || (unit >= 0x1780 && unit <= 0x17ff)) return IDEOGRAPH
  if ((unit >= 0x2000 && unit <= 0x206f) || (unit >= 0x3000 && unit <= 0x3004)) return GAP
  return unit >= 0x2e80 && unit < 0xd800 ? IDEOGRAPH : LETTER
}
