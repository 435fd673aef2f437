/**
 * A text as hashes (32 bits, signed) of its words in lower case, in order: enough to tell how alike two texts are. In
 * scripts written without spaces each character counts as a word with the three before it, since all texts of such a
 * script share most of its characters, and even the pairs and triples of an alphabet as small as Thai's.
 */
export function wordHashes(text: string): Int32Array {
  const lower = text.toLowerCase()
  const hashes = new Int32Array(lower.length)
  let count = 0
  let hash = FNV_OFFSET
  let inWord = false
  let before: readonly [number, number, number] = NONE_BEFORE
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
    if (kind === IDEOGRAPH) {
      hashes[count++] = gramHash(before, unit)
      before = [before[1], before[2], unit]
    } else before = NONE_BEFORE
  }
  if (inWord) hashes[count++] = mixed(hash)
  return hashes.subarray(0, count)
}

const NONE_BEFORE = [0, 0, 0] as const

function gramHash(before: readonly [number, number, number], unit: number): number {
  let hash = FNV_OFFSET
  for (const each of before) hash = Math.imul(hash ^ each, FNV_PRIME)
  return mixed(Math.imul(hash ^ unit, FNV_PRIME))
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
