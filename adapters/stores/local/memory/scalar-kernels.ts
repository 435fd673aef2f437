import type { WasmMemory } from '../../../kernels/web-assembly.ts'
import { scalarBm25Kernels } from '../bm25/scalar-kernels.ts'
import { scalarIvfKernels } from '../ivf/scalar-kernels.ts'
import type { KernelFunctions } from './kernels.ts'
import { isAllowed, type Views, viewsOf } from './views.ts'

/** The kernels without SIMD, with the same sums in the same order, over the same addresses. */
export function scalarKernels(memory: WasmMemory): KernelFunctions {
  let views = viewsOf(memory.buffer)
  const now = (): Views => {
    if (views.buffer !== memory.buffer) views = viewsOf(memory.buffer)
    return views
  }
  return {
    scanRows: (...given) => scanRows(now(), ...given),
    dotRows: (...given) => dotRows(now(), ...given),
    distanceRows: (...given) => distanceRows(now(), ...given),
    ...scalarBm25Kernels(now),
    ...scalarIvfKernels(now),
  }
}

function scanRows(
  { i8, i16, u32, f64 }: Views,
  codes: number,
  stride: number,
  multipliers: number,
  addends: number,
  errors: number,
  norms: number,
  list: number,
  allowed: number,
  from: number,
  count: number,
  query: number,
  terms: number,
  heap: number,
  k: number,
  floor: number,
  rows: number,
  bounds: number,
): number {
  const [scale = 0, perError = 0, perNorm = 0, perAddend = 0, slackMin = 0] = f64.subarray(
    terms >>> 3,
    (terms >>> 3) + 5,
  )
  let least = k > 0 ? (f64[heap >>> 3] as number) : Number.POSITIVE_INFINITY
  let threshold = k > 0 ? Math.max(floor, least) : floor
  let found = 0
  for (let i = 0; i < count; i++) {
    const row = list === 0 ? from + i : (u32[(list >>> 2) + i] as number)
    const dot = dotCodes(i8, i16, codes + row * stride, query >>> 1, stride)
    const addend = f64[(addends >>> 3) + row] as number
    const about = scale * (f64[(multipliers >>> 3) + row] as number) * dot + addend
    const slack =
      slackMin +
      perError * (f64[(errors >>> 3) + row] as number) +
      (perNorm * (f64[(norms >>> 3) + row] as number) + perAddend * addend)
    const upper = about + slack
    if (upper < threshold) continue
    if (allowed !== 0 && !isAllowed(u32, allowed, i)) continue
    u32[(rows >>> 2) + found] = row
    f64[(bounds >>> 3) + found] = upper
    found++
    if (about - slack <= least) continue
    replaceLeast(f64, heap >>> 3, k, about - slack)
    least = f64[heap >>> 3] as number
    threshold = Math.max(floor, least)
  }
  return found
}

/** Whole numbers below 2^31, so the order of the sum does not matter. */
function dotCodes(
  i8: Int8Array,
  i16: Int16Array,
  row: number,
  query: number,
  stride: number,
): number {
  let sum = 0
  for (let j = 0; j < stride; j++) sum += (i8[row + j] as number) * (i16[query + j] as number)
  return sum
}

function replaceLeast(f64: Float64Array, heap: number, size: number, value: number): void {
  let at = 0
  for (;;) {
    let child = 2 * at + 1
    if (child >= size) break
    if (child + 1 < size && (f64[heap + child + 1] as number) < (f64[heap + child] as number))
      child++
    const least = f64[heap + child] as number
    if (least >= value) break
    f64[heap + at] = least
    at = child
  }
  f64[heap + at] = value
}

function dotRows(
  { u32, f32, f64 }: Views,
  floats: number,
  dimensions: number,
  rows: number,
  count: number,
  query: number,
  out: number,
): void {
  const q = query >>> 3
  const lanes = new Float64Array(8)
  for (let i = 0; i < count; i++) {
    const x = (floats >>> 2) + (u32[(rows >>> 2) + i] as number) * dimensions
    const whole = dimensions & ~7
    lanes.fill(0)
    for (let j = 0; j < whole; j++)
      lanes[j & 7] = (lanes[j & 7] as number) + (f32[x + j] as number) * (f64[q + j] as number)
    let sum = sumOf(lanes)
    for (let j = whole; j < dimensions; j++) sum += (f32[x + j] as number) * (f64[q + j] as number)
    f64[(out >>> 3) + i] = sum
  }
}

function distanceRows(
  { u32, f32, f64 }: Views,
  floats: number,
  dimensions: number,
  rows: number,
  count: number,
  query: number,
  out: number,
): void {
  const q = query >>> 3
  const lanes = new Float64Array(8)
  for (let i = 0; i < count; i++) {
    const x = (floats >>> 2) + (u32[(rows >>> 2) + i] as number) * dimensions
    const whole = dimensions & ~7
    lanes.fill(0)
    for (let j = 0; j < whole; j++) {
      const off = (f32[x + j] as number) - (f64[q + j] as number)
      lanes[j & 7] = (lanes[j & 7] as number) + off * off
    }
    let sum = sumOf(lanes)
    for (let j = whole; j < dimensions; j++) {
      const off = (f32[x + j] as number) - (f64[q + j] as number)
      sum += off * off
    }
    f64[(out >>> 3) + i] = sum
  }
}

/** As four registers of two lanes are added up. */
function sumOf(lanes: Float64Array): number {
  const [a = 0, b = 0, c = 0, d = 0, e = 0, f = 0, g = 0, h = 0] = lanes
  return a + c + (e + g) + (b + d + (f + h))
}
