// Kernels of late interaction. Whatever is a usize is an address; `scalar-kernels.ts` computes the same numbers.

/** Integer dot product of int8 `row` and int16 `query`; `stride` is a multiple of 16. */
@inline
function dot(row: usize, query: usize, stride: usize): i32 {
  let a = i32x4.splat(0)
  let b = i32x4.splat(0)
  let q = query
  const end = row + stride
  for (let at = row; at < end; at += 16) {
    a = i32x4.add(a, i32x4.dot_i16x8_s(v128.load8x8_s(at), v128.load(q)))
    b = i32x4.add(b, i32x4.dot_i16x8_s(v128.load8x8_s(at, 8), v128.load(q, 16)))
    q += 32
  }
  const s = i32x4.add(a, b)
  return (
    i32x4.extract_lane(s, 0) +
    i32x4.extract_lane(s, 1) +
    (i32x4.extract_lane(s, 2) + i32x4.extract_lane(s, 3))
  )
}

/**
 * The dot product of each of `count` int8 rows with each of `queries` int16 rows, all of `stride` numbers: at `out`,
 * int32, the products of one row side by side.
 */
export function dotAll(
  rows: usize,
  count: i32,
  query: usize,
  queries: i32,
  stride: usize,
  out: usize,
): void {
  let at = out
  for (let i = 0; i < count; i++) {
    const row = rows + <usize>i * stride
    let q = query
    for (let k = 0; k < queries; k++) {
      store<i32>(at, dot(row, q, stride))
      at += 4
      q += stride << 1
    }
  }
}
