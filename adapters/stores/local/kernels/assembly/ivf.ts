// Kernels of ivf_pq. Lengths are numbers of elements, everything else that is a usize is an address.
// `ivf/scalar-kernels.ts` computes the same bits: the order of every sum is part of the contract.

import { sumOf } from './lanes'

/** keys[i] = query · rows[i] - offsets[i]; `width` is a multiple of 16. */
export function scoreRows(
  rows: usize,
  offsets: usize,
  count: i32,
  width: i32,
  query: usize,
  keys: usize,
): void {
  const bytes = <usize>width << 2
  for (let i = 0; i < count; i++) {
    const row = rows + <usize>i * bytes
    let a = f32x4.splat(0)
    let b = f32x4.splat(0)
    let c = f32x4.splat(0)
    let d = f32x4.splat(0)
    for (let at: usize = 0; at < bytes; at += 64) {
      a = f32x4.add(a, f32x4.mul(v128.load(row + at), v128.load(query + at)))
      b = f32x4.add(b, f32x4.mul(v128.load(row + at, 16), v128.load(query + at, 16)))
      c = f32x4.add(c, f32x4.mul(v128.load(row + at, 32), v128.load(query + at, 32)))
      d = f32x4.add(d, f32x4.mul(v128.load(row + at, 48), v128.load(query + at, 48)))
    }
    const sum = sumOf(f32x4.add(f32x4.add(a, b), f32x4.add(c, d)))
    store<f32>(keys + (<usize>i << 2), sum - load<f32>(offsets + (<usize>i << 2)))
  }
}

/**
 * tables[s][c] = the dot product of the query's subvector s and code c of its codebook. Codebooks are
 * [subvector][dimension][code]; `codes` is 16 or 256.
 */
export function scoreCodebooks(
  codebooks: usize,
  subvectors: i32,
  dimensions: i32,
  codes: i32,
  query: usize,
  tables: usize,
): void {
  const bytes = <usize>codes << 2
  for (let s = 0; s < subvectors; s++) {
    const book = codebooks + <usize>(s * dimensions) * bytes
    const part = query + (<usize>(s * dimensions) << 2)
    const table = tables + <usize>s * bytes
    for (let at: usize = 0; at < bytes; at += 64) {
      let a = f32x4.splat(0)
      let b = f32x4.splat(0)
      let c = f32x4.splat(0)
      let d = f32x4.splat(0)
      for (let j = 0; j < dimensions; j++) {
        const x = v128.load32_splat(part + (<usize>j << 2))
        const from = book + <usize>j * bytes + at
        a = f32x4.add(a, f32x4.mul(x, v128.load(from)))
        b = f32x4.add(b, f32x4.mul(x, v128.load(from, 16)))
        c = f32x4.add(c, f32x4.mul(x, v128.load(from, 32)))
        d = f32x4.add(d, f32x4.mul(x, v128.load(from, 48)))
      }
      v128.store(table + at, a)
      v128.store(table + at, b, 16)
      v128.store(table + at, c, 32)
      v128.store(table + at, d, 48)
    }
  }
}

/** keys[i] = base + the table entries of row i's codes; `subvectors` bytes a row, a multiple of 4. */
export function scoreCodes8(
  codes: usize,
  count: i32,
  subvectors: i32,
  tables: usize,
  base: f32,
  keys: usize,
): void {
  for (let i = 0; i < count; i++) {
    const row = codes + <usize>i * <usize>subvectors
    let a: f32 = 0
    let b: f32 = 0
    let c: f32 = 0
    let d: f32 = 0
    let table = tables
    for (let s: usize = 0; s < <usize>subvectors; s += 4) {
      const four = load<u32>(row + s)
      a += load<f32>(table + (<usize>(four & 0xff) << 2))
      b += load<f32>(table + (<usize>((four >> 8) & 0xff) << 2), 1024)
      c += load<f32>(table + (<usize>((four >> 16) & 0xff) << 2), 2048)
      d += load<f32>(table + (<usize>(four >> 24) << 2), 3072)
      table += 4096
    }
    store<f32>(keys + (<usize>i << 2), base + (a + b + (c + d)))
  }
}

/**
 * keys[i] = base + scale × the sum of row i's entries in tables of 16 numbers up to 127. Codes lie in blocks of 32 rows:
 * [pair of subvectors][row], the first of the pair in the low four bits. Writes keys of whole blocks. Sums of sixteen
 * bits hold 65,535.
 */
export function scoreCodes4(
  codes: usize,
  blocks: i32,
  pairs: i32,
  tables: usize,
  scale: f32,
  base: f32,
  keys: usize,
): void {
  const low = i8x16.splat(15)
  const scales = f32x4.splat(scale)
  const bases = f32x4.splat(base)
  let at = codes
  let out = keys
  for (let block = 0; block < blocks; block++) {
    // A 16-bit sum of two neighbours' bytes is even + 256 × odd: with the odd ones summed apart, the even ones follow.
    let both = i16x8.splat(0)
    let odd = i16x8.splat(0)
    let both2 = i16x8.splat(0)
    let odd2 = i16x8.splat(0)
    let table = tables
    for (let pair = 0; pair < pairs; pair++) {
      const first = v128.load(table)
      const second = v128.load(table, 16)
      const x = v128.load(at)
      const y = v128.load(at, 16)
      const sum = i8x16.add(
        i8x16.swizzle(first, v128.and(x, low)),
        i8x16.swizzle(second, i8x16.shr_u(x, 4)),
      )
      const sum2 = i8x16.add(
        i8x16.swizzle(first, v128.and(y, low)),
        i8x16.swizzle(second, i8x16.shr_u(y, 4)),
      )
      both = i16x8.add(both, sum)
      odd = i16x8.add(odd, i16x8.shr_u(sum, 8))
      both2 = i16x8.add(both2, sum2)
      odd2 = i16x8.add(odd2, i16x8.shr_u(sum2, 8))
      table += 32
      at += 32
    }
    storeKeys(out, both, odd, scales, bases)
    storeKeys(out + 64, both2, odd2, scales, bases)
    out += 128
  }
}

@inline
function storeKeys(out: usize, both: v128, odd: v128, scales: v128, bases: v128): void {
  const even = i16x8.sub(both, i16x8.shl(odd, 8))
  const first = i16x8.shuffle(even, odd, 0, 8, 1, 9, 2, 10, 3, 11)
  const second = i16x8.shuffle(even, odd, 4, 12, 5, 13, 6, 14, 7, 15)
  storeFour(out, i32x4.extend_low_i16x8_u(first), scales, bases)
  storeFour(out + 16, i32x4.extend_high_i16x8_u(first), scales, bases)
  storeFour(out + 32, i32x4.extend_low_i16x8_u(second), scales, bases)
  storeFour(out + 48, i32x4.extend_high_i16x8_u(second), scales, bases)
}

@inline
function storeFour(out: usize, sums: v128, scales: v128, bases: v128): void {
  v128.store(out, f32x4.add(bases, f32x4.mul(scales, f32x4.convert_i32x4_s(sums))))
}

/** values[i] = (query · rows[positions[i]]) × scales[positions[i]] × scale; `width` is a multiple of 16. */
export function rescoreRows(
  rows: usize,
  scales: usize,
  width: i32,
  positions: usize,
  count: i32,
  query: usize,
  scale: f32,
  values: usize,
): void {
  for (let i = 0; i < count; i++) {
    const position = <usize>load<i32>(positions + (<usize>i << 2))
    const row = rows + position * <usize>width
    let a = i32x4.splat(0)
    let b = i32x4.splat(0)
    for (let j: usize = 0; j < <usize>width; j += 16) {
      const bytes = v128.load(row + j)
      const part = query + (j << 1)
      a = i32x4.add(a, i32x4.dot_i16x8_s(i16x8.extend_low_i8x16_s(bytes), v128.load(part)))
      b = i32x4.add(b, i32x4.dot_i16x8_s(i16x8.extend_high_i8x16_s(bytes), v128.load(part, 16)))
    }
    const c = i32x4.add(a, b)
    const dot =
      i32x4.extract_lane(c, 0) +
      i32x4.extract_lane(c, 1) +
      (i32x4.extract_lane(c, 2) + i32x4.extract_lane(c, 3))
    const factor = load<f32>(scales + (position << 2)) * scale
    store<f32>(values + (<usize>i << 2), <f32>dot * factor)
  }
}

/** keys[i] = the exact table entries of the row whose codes begin at addresses[i], laid out as for `scoreCodes8`. */
export function scoreCodesAt8(
  addresses: usize,
  count: i32,
  subvectors: i32,
  tables: usize,
  keys: usize,
): void {
  for (let i = 0; i < count; i++)
    scoreCodes8(
      <usize>load<u32>(addresses + (<usize>i << 2)),
      1,
      subvectors,
      tables,
      0,
      keys + (<usize>i << 2),
    )
}

/** The same for codes laid out as for `scoreCodes4`, and tables of 16 floats. */
export function scoreCodesAt4(
  addresses: usize,
  count: i32,
  pairs: i32,
  tables: usize,
  keys: usize,
): void {
  for (let i = 0; i < count; i++) {
    let at = <usize>load<u32>(addresses + (<usize>i << 2))
    let a: f32 = 0
    let b: f32 = 0
    let table = tables
    for (let pair = 0; pair < pairs; pair++) {
      const both = <usize>load<u8>(at)
      a += load<f32>(table + ((both & 15) << 2))
      b += load<f32>(table + ((both >> 4) << 2), 64)
      table += 128
      at += 32
    }
    store<f32>(keys + (<usize>i << 2), a + b)
  }
}
