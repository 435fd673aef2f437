// Kernels of bm25. Lengths are numbers of elements, everything else that is a usize is an address.
// `bm25/scalar-kernels.ts` computes the same.

/**
 * sums[rows[i] - first] += weight * impacts[i]. Rows differ, so that four sums can be read before one is written: half
 * the time of one by one.
 */
export function addPostings(
  rows: usize,
  impacts: usize,
  count: i32,
  weight: i32,
  first: i32,
  sums: usize,
): void {
  const base = sums - (<usize>first << 2)
  const end = impacts + <usize>count
  let row = rows
  let impact = impacts
  for (; impact + 4 <= end; impact += 4) {
    const at0 = base + (<usize>load<u32>(row) << 2)
    const at1 = base + (<usize>load<u32>(row, 4) << 2)
    const at2 = base + (<usize>load<u32>(row, 8) << 2)
    const at3 = base + (<usize>load<u32>(row, 12) << 2)
    const sum0 = load<i32>(at0) + weight * <i32>load<u8>(impact)
    const sum1 = load<i32>(at1) + weight * <i32>load<u8>(impact, 1)
    const sum2 = load<i32>(at2) + weight * <i32>load<u8>(impact, 2)
    const sum3 = load<i32>(at3) + weight * <i32>load<u8>(impact, 3)
    store<i32>(at0, sum0)
    store<i32>(at1, sum1)
    store<i32>(at2, sum2)
    store<i32>(at3, sum3)
    row += 16
  }
  for (; impact < end; impact++) {
    const at = base + (<usize>load<u32>(row) << 2)
    store<i32>(at, load<i32>(at) + weight * <i32>load<u8>(impact))
    row += 4
  }
}

/**
 * Lists which sums are above the cut, with them, and sets all sums to 0; gives how many were listed. Where `allowed` is
 * not 0 it is a bitmap of those that may be. `count` is a multiple of 16.
 */
export function takeAbove(
  sums: usize,
  count: i32,
  cut: i32,
  allowed: usize,
  rows: usize,
  bounds: usize,
): i32 {
  const cuts = i32x4.splat(cut)
  const zero = i32x4.splat(0)
  let found = 0
  for (let i = 0; i < count; i += 16) {
    const at = sums + (<usize>i << 2)
    const a = i32x4.gt_s(v128.load(at), cuts)
    const b = i32x4.gt_s(v128.load(at, 16), cuts)
    const c = i32x4.gt_s(v128.load(at, 32), cuts)
    const d = i32x4.gt_s(v128.load(at, 48), cuts)
    if (v128.any_true(v128.or(v128.or(a, b), v128.or(c, d)))) {
      let above =
        i32x4.bitmask(a) |
        (i32x4.bitmask(b) << 4) |
        (i32x4.bitmask(c) << 8) |
        (i32x4.bitmask(d) << 12)
      if (allowed != 0) above &= <i32>load<u16>(allowed + (<usize>i >> 3))
      for (; above != 0; above &= above - 1) {
        const row = i + ctz(above)
        store<u16>(rows + (<usize>found << 1), <u16>row)
        store<i32>(bounds + (<usize>found << 2), load<i32>(sums + (<usize>row << 2)))
        found += 1
      }
    }
    v128.store(at, zero)
    v128.store(at, zero, 16)
    v128.store(at, zero, 32)
    v128.store(at, zero, 48)
  }
  return found
}
