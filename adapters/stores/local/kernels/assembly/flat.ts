// Kernels of the exact search. Whatever is a usize is an address; `memory/scalar-kernels.ts` computes the same bits, so
// the order of every sum of doubles is part of the contract.

/** Integer dot product of a row of int8 codes and an int16 query; `stride` is a multiple of 16. */
@inline
function dotCodes(row: usize, query: usize, stride: usize): i32 {
  let a = i32x4.splat(0)
  let b = i32x4.splat(0)
  let q = query
  const end = row + stride
  for (let at = row; at < end; at += 16) {
    const codes = v128.load(at)
    a = i32x4.add(a, i32x4.dot_i16x8_s(i16x8.extend_low_i8x16_s(codes), v128.load(q)))
    b = i32x4.add(b, i32x4.dot_i16x8_s(i16x8.extend_high_i8x16_s(codes), v128.load(q, 16)))
    q += 32
  }
  const s = i32x4.add(a, b)
  return (
    i32x4.extract_lane(s, 0) +
    i32x4.extract_lane(s, 1) +
    (i32x4.extract_lane(s, 2) + i32x4.extract_lane(s, 3))
  )
}

/** Of two rows, one after the other, in lanes 0 and 1. The query is read once for both. */
@inline
function dotTwoCodes(row: usize, query: usize, stride: usize): v128 {
  let a = i32x4.splat(0)
  let b = i32x4.splat(0)
  let c = i32x4.splat(0)
  let d = i32x4.splat(0)
  let q = query
  const end = row + stride
  for (let at = row; at < end; at += 16) {
    const low = v128.load(q)
    const high = v128.load(q, 16)
    const next = at + stride
    a = i32x4.add(a, i32x4.dot_i16x8_s(v128.load8x8_s(at), low))
    b = i32x4.add(b, i32x4.dot_i16x8_s(v128.load8x8_s(at, 8), high))
    c = i32x4.add(c, i32x4.dot_i16x8_s(v128.load8x8_s(next), low))
    d = i32x4.add(d, i32x4.dot_i16x8_s(v128.load8x8_s(next, 8), high))
    q += 32
  }
  const first = i32x4.add(a, b)
  const second = i32x4.add(c, d)
  const halves = i32x4.add(
    v128.shuffle<i32>(first, second, 0, 1, 4, 5),
    v128.shuffle<i32>(first, second, 2, 3, 6, 7),
  )
  const sums = i32x4.add(halves, v128.shuffle<i32>(halves, halves, 1, 0, 3, 2))
  return v128.shuffle<i32>(sums, sums, 0, 2, 0, 2)
}

/**
 * How many listed rows are touched before the first of them is looked at. A processor holds back what comes after a
 * read that waits for memory, some hundred steps later: with other work between, fewer reads wait at the same time.
 */
const TOGETHER: i32 = 16

/**
 * Reads one byte of each cache line, so that the lines of rows far apart are on their way at the same time: where rows
 * are listed, the processor can't foresee them. The answer must be stored somewhere, or the compiler leaves this out.
 */
@inline
function touch(row: usize, bytes: usize): u32 {
  let sum: u32 = 0
  const end = row + bytes
  for (let at = row; at < end; at += 64) sum += <u32>load<u8>(at)
  return sum
}

/** Of so many listed rows all that `scanRows` reads of them. */
@inline
function touchListed(
  list: usize,
  count: i32,
  codes: usize,
  stride: usize,
  multipliers: usize,
  addends: usize,
  errors: usize,
  norms: usize,
): u32 {
  let sum: u32 = 0
  for (let i = 0; i < count; i++) {
    const row = <usize>load<u32>(list + (<usize>i << 2))
    sum += touch(codes + row * stride, stride)
    const at = row << 3
    sum += <u32>load<u8>(multipliers + at) + <u32>load<u8>(addends + at)
    sum += <u32>load<u8>(errors + at) + <u32>load<u8>(norms + at)
  }
  return sum
}

/** Puts a number into a heap of `size` numbers, the least on top, in the place of the least. */
function replaceLeast(heap: usize, size: i32, value: f64): void {
  let at = 0
  for (;;) {
    let child = 2 * at + 1
    if (child >= size) break
    let least = load<f64>(heap + (<usize>child << 3))
    if (child + 1 < size) {
      const right = load<f64>(heap + (<usize>child << 3), 8)
      if (right < least) {
        least = right
        child++
      }
    }
    if (least >= value) break
    store<f64>(heap + (<usize>at << 3), least)
    at = child
  }
  store<f64>(heap + (<usize>at << 3), value)
}

/**
 * Looks at `count` rows: those listed at `list`, or those from `from` on where `list` is 0; of these it may find the
 * ones whose bits are set in the bitmap at `allowed`, which begins at `from`, or all where it is 0. Writes the rows whose upper
 * bound reaches the threshold to `rows`, and the upper bounds to `bounds`; answers how many. The threshold is `floor`,
 * or the k-th best lower bound of this and earlier calls where that is higher: `heap` holds the k best ones, -Infinity
 * at first. With k = 0 only `floor` counts. `terms` are those of `QueryTerms`, in their order.
 */
export function scanRows(
  codes: usize,
  stride: usize,
  multipliers: usize,
  addends: usize,
  errors: usize,
  norms: usize,
  list: usize,
  allowed: usize,
  from: i32,
  count: i32,
  query: usize,
  terms: usize,
  heap: usize,
  k: i32,
  floor: f64,
  rows: usize,
  bounds: usize,
): i32 {
  const scale = load<f64>(terms)
  const perError = load<f64>(terms, 8)
  const perNorm = load<f64>(terms, 16)
  const perAddend = load<f64>(terms, 24)
  const slackMin = load<f64>(terms, 32)
  let least: f64 = k > 0 ? load<f64>(heap) : Infinity
  let threshold = k > 0 ? max(floor, least) : floor
  let found = 0
  let lanes = 1
  for (let i = 0; i < count; i += lanes) {
    let row = <u32>(from + i)
    lanes = 1
    if (list != 0) {
      if (i % TOGETHER == 0) {
        const rest = min(count - i, TOGETHER)
        const sum = touchListed(list + (<usize>i << 2), rest, codes, stride, multipliers, addends, errors, norms)
        store<u32>(bounds + (<usize>found << 3), sum)
      }
      row = load<u32>(list + (<usize>i << 2))
    } else if (i + 1 < count) lanes = 2
    const at = <usize>row << 3
    const start = codes + <usize>row * stride
    const dots =
      lanes == 2
        ? f64x2.convert_low_i32x4_s(dotTwoCodes(start, query, stride))
        : f64x2.splat(<f64>dotCodes(start, query, stride))
    // The second lane is of no use where there is one row, and must not reach beyond the last one.
    const multiplier = lanes == 2 ? v128.load(multipliers + at) : v128.load64_zero(multipliers + at)
    const addend = lanes == 2 ? v128.load(addends + at) : v128.load64_zero(addends + at)
    const error = lanes == 2 ? v128.load(errors + at) : v128.load64_zero(errors + at)
    const norm = lanes == 2 ? v128.load(norms + at) : v128.load64_zero(norms + at)
    const about = f64x2.add(f64x2.mul(f64x2.mul(f64x2.splat(scale), multiplier), dots), addend)
    const slack = f64x2.add(
      f64x2.add(f64x2.splat(slackMin), f64x2.mul(f64x2.splat(perError), error)),
      f64x2.add(
        f64x2.mul(f64x2.splat(perNorm), norm),
        f64x2.mul(f64x2.splat(perAddend), addend),
      ),
    )
    const upper = f64x2.add(about, slack)
    if (i64x2.all_true(f64x2.lt(upper, f64x2.splat(threshold)))) continue
    const lower = f64x2.sub(about, slack)
    for (let lane = 0; lane < lanes; lane++) {
      const bound = lane == 0 ? f64x2.extract_lane(upper, 0) : f64x2.extract_lane(upper, 1)
      if (bound < threshold) continue
      const bit = i + lane
      if (
        allowed != 0 &&
        ((load<u32>(allowed + ((<usize>bit >> 5) << 2)) >>> (bit & 31)) & 1) == 0
      )
        continue
      store<u32>(rows + (<usize>found << 2), row + lane)
      store<f64>(bounds + (<usize>found << 3), bound)
      found++
      const sure = lane == 0 ? f64x2.extract_lane(lower, 0) : f64x2.extract_lane(lower, 1)
      if (sure > least) {
        replaceLeast(heap, k, sure)
        least = load<f64>(heap)
        threshold = max(floor, least)
      }
    }
  }
  return found
}

@inline
function sumOf(a: v128, b: v128, c: v128, d: v128): f64 {
  const s = f64x2.add(f64x2.add(a, b), f64x2.add(c, d))
  return f64x2.extract_lane(s, 0) + f64x2.extract_lane(s, 1)
}

@inline
function twoFloats(at: usize, offset: usize): v128 {
  return f64x2.promote_low_f32x4(v128.load64_zero(at + offset))
}

/** Of so many listed rows all floats. What is stored is overwritten with the rows' own results. */
@inline
function touchFloats(floats: usize, bytes: usize, rows: usize, i: i32, count: i32, out: usize): void {
  let sum: u32 = 0
  const end = min(i + TOGETHER, count)
  for (let next = i; next < end; next++) {
    const row = <usize>load<u32>(rows + (<usize>next << 2))
    sum += touch(floats + row * bytes, bytes)
  }
  store<u32>(out + (<usize>i << 3), sum)
}

/** Dot products, in double precision, of the listed float rows and a query of doubles. */
export function dotRows(
  floats: usize,
  dimensions: i32,
  rows: usize,
  count: i32,
  query: usize,
  out: usize,
): void {
  const whole = dimensions & ~7
  const bytes = <usize>dimensions << 2
  for (let i = 0; i < count; i++) {
    if (i % TOGETHER == 0) touchFloats(floats, bytes, rows, i, count, out)
    let x = floats + <usize>load<u32>(rows + (<usize>i << 2)) * bytes
    let q = query
    let a = f64x2.splat(0)
    let b = f64x2.splat(0)
    let c = f64x2.splat(0)
    let d = f64x2.splat(0)
    for (let j = 0; j < whole; j += 8) {
      a = f64x2.add(a, f64x2.mul(twoFloats(x, 0), v128.load(q)))
      b = f64x2.add(b, f64x2.mul(twoFloats(x, 8), v128.load(q, 16)))
      c = f64x2.add(c, f64x2.mul(twoFloats(x, 16), v128.load(q, 32)))
      d = f64x2.add(d, f64x2.mul(twoFloats(x, 24), v128.load(q, 48)))
      x += 32
      q += 64
    }
    let sum = sumOf(a, b, c, d)
    for (let j = whole; j < dimensions; j++) {
      sum += <f64>load<f32>(x) * load<f64>(q)
      x += 4
      q += 8
    }
    store<f64>(out + (<usize>i << 3), sum)
  }
}

/** Squared Euclidean distances, in double precision, of the listed float rows from a query of doubles. */
export function distanceRows(
  floats: usize,
  dimensions: i32,
  rows: usize,
  count: i32,
  query: usize,
  out: usize,
): void {
  const whole = dimensions & ~7
  const bytes = <usize>dimensions << 2
  for (let i = 0; i < count; i++) {
    if (i % TOGETHER == 0) touchFloats(floats, bytes, rows, i, count, out)
    let x = floats + <usize>load<u32>(rows + (<usize>i << 2)) * bytes
    let q = query
    let a = f64x2.splat(0)
    let b = f64x2.splat(0)
    let c = f64x2.splat(0)
    let d = f64x2.splat(0)
    for (let j = 0; j < whole; j += 8) {
      let off = f64x2.sub(twoFloats(x, 0), v128.load(q))
      a = f64x2.add(a, f64x2.mul(off, off))
      off = f64x2.sub(twoFloats(x, 8), v128.load(q, 16))
      b = f64x2.add(b, f64x2.mul(off, off))
      off = f64x2.sub(twoFloats(x, 16), v128.load(q, 32))
      c = f64x2.add(c, f64x2.mul(off, off))
      off = f64x2.sub(twoFloats(x, 24), v128.load(q, 48))
      d = f64x2.add(d, f64x2.mul(off, off))
      x += 32
      q += 64
    }
    let sum = sumOf(a, b, c, d)
    for (let j = whole; j < dimensions; j++) {
      const off = <f64>load<f32>(x) - load<f64>(q)
      sum += off * off
      x += 4
      q += 8
    }
    store<f64>(out + (<usize>i << 3), sum)
  }
}
