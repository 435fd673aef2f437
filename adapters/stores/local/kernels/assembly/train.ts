/** Kernels that train and encode inverted lists and codebooks. */

import { sumOf } from './lanes'

/**
 * nearest[i] = the first centroid c with the greatest rows[i] · centroids[c] - halves[c]. `count` is a multiple of 4,
 * `centroids` of 2, `width` of 4.
 */
export function nearestRows(
  rows: usize,
  count: i32,
  width: i32,
  centroids: usize,
  halves: usize,
  lists: i32,
  nearest: usize,
): void {
  const bytes = <usize>width << 2
  for (let i = 0; i < count; i += 4) {
    const r0 = rows + <usize>i * bytes
    const r1 = r0 + bytes
    const r2 = r1 + bytes
    const r3 = r2 + bytes
    let best0: f32 = -Infinity
    let best1: f32 = -Infinity
    let best2: f32 = -Infinity
    let best3: f32 = -Infinity
    let at0 = 0
    let at1 = 0
    let at2 = 0
    let at3 = 0
    for (let c = 0; c < lists; c += 2) {
      const c0 = centroids + <usize>c * bytes
      const c1 = c0 + bytes
      let a0 = f32x4.splat(0)
      let a1 = f32x4.splat(0)
      let a2 = f32x4.splat(0)
      let a3 = f32x4.splat(0)
      let b0 = f32x4.splat(0)
      let b1 = f32x4.splat(0)
      let b2 = f32x4.splat(0)
      let b3 = f32x4.splat(0)
      for (let at: usize = 0; at < bytes; at += 16) {
        const a = v128.load(c0 + at)
        const b = v128.load(c1 + at)
        let x = v128.load(r0 + at)
        a0 = f32x4.add(a0, f32x4.mul(x, a))
        b0 = f32x4.add(b0, f32x4.mul(x, b))
        x = v128.load(r1 + at)
        a1 = f32x4.add(a1, f32x4.mul(x, a))
        b1 = f32x4.add(b1, f32x4.mul(x, b))
        x = v128.load(r2 + at)
        a2 = f32x4.add(a2, f32x4.mul(x, a))
        b2 = f32x4.add(b2, f32x4.mul(x, b))
        x = v128.load(r3 + at)
        a3 = f32x4.add(a3, f32x4.mul(x, a))
        b3 = f32x4.add(b3, f32x4.mul(x, b))
      }
      const halfA = load<f32>(halves + (<usize>c << 2))
      const halfB = load<f32>(halves + (<usize>c << 2), 4)
      let s = sumOf(a0) - halfA
      if (s > best0) {
        best0 = s
        at0 = c
      }
      s = sumOf(b0) - halfB
      if (s > best0) {
        best0 = s
        at0 = c + 1
      }
      s = sumOf(a1) - halfA
      if (s > best1) {
        best1 = s
        at1 = c
      }
      s = sumOf(b1) - halfB
      if (s > best1) {
        best1 = s
        at1 = c + 1
      }
      s = sumOf(a2) - halfA
      if (s > best2) {
        best2 = s
        at2 = c
      }
      s = sumOf(b2) - halfB
      if (s > best2) {
        best2 = s
        at2 = c + 1
      }
      s = sumOf(a3) - halfA
      if (s > best3) {
        best3 = s
        at3 = c
      }
      s = sumOf(b3) - halfB
      if (s > best3) {
        best3 = s
        at3 = c + 1
      }
    }
    const out = nearest + (<usize>i << 2)
    store<i32>(out, at0)
    store<i32>(out, at1, 4)
    store<i32>(out, at2, 8)
    store<i32>(out, at3, 12)
  }
}

/**
 * chosen[i × step] = the first code c with the greatest rows[i] · codebook[c] - halves[c]. Rows begin `stride` floats
 * apart; the codebook is [dimension][code], `codes` 16 or 256.
 */
export function encodeRows(
  rows: usize,
  count: i32,
  stride: i32,
  dimensions: i32,
  codebook: usize,
  halves: usize,
  codes: i32,
  chosen: usize,
  step: i32,
): void {
  const bytes = <usize>codes << 2
  const sixteen = i32x4.splat(16)
  for (let i = 0; i < count; i++) {
    const row = rows + ((<usize>i * <usize>stride) << 2)
    let best = f32x4.splat(-Infinity)
    let at = i32x4.splat(0)
    let index = i32x4(0, 1, 2, 3)
    for (let from: usize = 0; from < bytes; from += 64) {
      let a = f32x4.neg(v128.load(halves + from))
      let b = f32x4.neg(v128.load(halves + from, 16))
      let c = f32x4.neg(v128.load(halves + from, 32))
      let d = f32x4.neg(v128.load(halves + from, 48))
      for (let j = 0; j < dimensions; j++) {
        const x = v128.load32_splat(row + (<usize>j << 2))
        const book = codebook + <usize>j * bytes + from
        a = f32x4.add(a, f32x4.mul(x, v128.load(book)))
        b = f32x4.add(b, f32x4.mul(x, v128.load(book, 16)))
        c = f32x4.add(c, f32x4.mul(x, v128.load(book, 32)))
        d = f32x4.add(d, f32x4.mul(x, v128.load(book, 48)))
      }
      let better = f32x4.gt(a, best)
      best = v128.bitselect(a, best, better)
      at = v128.bitselect(index, at, better)
      better = f32x4.gt(b, best)
      best = v128.bitselect(b, best, better)
      at = v128.bitselect(i32x4.add(index, i32x4.splat(4)), at, better)
      better = f32x4.gt(c, best)
      best = v128.bitselect(c, best, better)
      at = v128.bitselect(i32x4.add(index, i32x4.splat(8)), at, better)
      better = f32x4.gt(d, best)
      best = v128.bitselect(d, best, better)
      at = v128.bitselect(i32x4.add(index, i32x4.splat(12)), at, better)
      index = i32x4.add(index, sixteen)
    }
    store<u8>(chosen + <usize>i * <usize>step, firstOfBest(best, at))
  }
}

@inline
function firstOfBest(best: v128, at: v128): u8 {
  let value = f32x4.extract_lane(best, 0)
  let index = i32x4.extract_lane(at, 0)
  let next = f32x4.extract_lane(best, 1)
  let nextIndex = i32x4.extract_lane(at, 1)
  if (next > value || (next == value && nextIndex < index)) {
    value = next
    index = nextIndex
  }
  next = f32x4.extract_lane(best, 2)
  nextIndex = i32x4.extract_lane(at, 2)
  if (next > value || (next == value && nextIndex < index)) {
    value = next
    index = nextIndex
  }
  next = f32x4.extract_lane(best, 3)
  nextIndex = i32x4.extract_lane(at, 3)
  if (next > value || (next == value && nextIndex < index)) index = nextIndex
  return <u8>index
}
