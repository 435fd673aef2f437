import type { Views } from '../memory/views.ts'
import type { IvfKernelFunctions } from './kernels.ts'

type Arguments<Name extends keyof IvfKernelFunctions> = Parameters<IvfKernelFunctions[Name]>

/** The kernels without SIMD: the same sums in the same order, each rounded to single precision as it is there. */
export function scalarIvfKernels(views: () => Views): IvfKernelFunctions {
  return {
    scoreRows: (...given) => scoreRows(views(), given),
    scoreCodebooks: (...given) => scoreCodebooks(views(), given),
    scoreCodes8: (...given) => scoreCodes8(views(), given),
    scoreCodes4: (...given) => scoreCodes4(views(), given),
    rescoreRows: (...given) => rescoreRows(views(), given),
    nearestRows: (...given) => nearestRows(views(), given),
    encodeRows: (...given) => encodeRows(views(), given),
    scoreCodesAt8: (...given) => scoreCodesAt8(views(), given),
    scoreCodesAt4: (...given) => scoreCodesAt4(views(), given),
  }
}

/** A product of two floats is exact in double precision, so rounding it once gives what single precision gives. */
function dot(f32: Float32Array, a: number, b: number, width: number, lanes: Float32Array): number {
  lanes.fill(0)
  const mask = lanes.length - 1
  for (let j = 0; j < width; j++) {
    const product = Math.fround((f32[a + j] as number) * (f32[b + j] as number))
    lanes[j & mask] = (lanes[j & mask] as number) + product
  }
  for (let half = lanes.length / 2; half >= 4; half /= 2) fold(lanes, half)
  const low = Math.fround((lanes[0] as number) + (lanes[1] as number))
  return Math.fround(low + Math.fround((lanes[2] as number) + (lanes[3] as number)))
}

/** (a + b) + (c + d) of four registers, or a + b of two: neighbours first. */
function fold(lanes: Float32Array, half: number): void {
  for (let i = 0; i < half; i++) {
    const from = (i >> 2) * 8 + (i & 3)
    lanes[i] = (lanes[from] as number) + (lanes[from + 4] as number)
  }
}

function scoreRows({ f32 }: Views, given: Arguments<'scoreRows'>): void {
  const [rows, offsets, count, width, query, keys] = given
  const lanes = new Float32Array(16)
  for (let i = 0; i < count; i++) {
    const sum = dot(f32, (rows >>> 2) + i * width, query >>> 2, width, lanes)
    f32[(keys >>> 2) + i] = sum - (f32[(offsets >>> 2) + i] as number)
  }
}

function scoreCodebooks({ f32 }: Views, given: Arguments<'scoreCodebooks'>): void {
  const [codebooks, subvectors, dimensions, codes, query, tables] = given
  for (let s = 0; s < subvectors; s++)
    for (let c = 0; c < codes; c++) {
      const book = (codebooks >>> 2) + s * dimensions * codes + c
      f32[(tables >>> 2) + s * codes + c] = subDot(
        f32,
        0,
        (query >>> 2) + s * dimensions,
        dimensions,
        book,
        codes,
      )
    }
}

/** `start` plus the products of a subvector and a code, whose numbers lie `step` apart. */
function subDot(
  f32: Float32Array,
  start: number,
  row: number,
  dimensions: number,
  code: number,
  step: number,
): number {
  let sum = start
  for (let j = 0; j < dimensions; j++) {
    const product = Math.fround((f32[row + j] as number) * (f32[code + j * step] as number))
    sum = Math.fround(sum + product)
  }
  return sum
}

function scoreCodes8({ f32, u8 }: Views, given: Arguments<'scoreCodes8'>): void {
  const [codes, count, subvectors, tables, given32, keys] = given
  const base = Math.fround(given32)
  const sums = new Float32Array(4)
  for (let i = 0; i < count; i++) {
    sums.fill(0)
    for (let s = 0; s < subvectors; s++) {
      const entry = f32[(tables >>> 2) + s * 256 + (u8[codes + i * subvectors + s] as number)]
      sums[s & 3] = (sums[s & 3] as number) + (entry as number)
    }
    const low = Math.fround((sums[0] as number) + (sums[1] as number))
    const high = Math.fround((sums[2] as number) + (sums[3] as number))
    f32[(keys >>> 2) + i] = base + Math.fround(low + high)
  }
}

function scoreCodes4({ f32, u8 }: Views, given: Arguments<'scoreCodes4'>): void {
  const [codes, blocks, pairs, tables, ...rest] = given
  const [scale, base] = [Math.fround(rest[0]), Math.fround(rest[1])]
  const keys = rest[2]
  for (let row = 0; row < blocks * 32; row++) {
    let at = codes + (row >>> 5) * pairs * 32 + (row & 31)
    let sum = 0
    for (let pair = 0; pair < pairs; pair++) {
      const both = u8[at] as number
      sum += u8[tables + pair * 32 + (both & 15)] as number
      sum += u8[tables + pair * 32 + 16 + (both >>> 4)] as number
      at += 32
    }
    f32[(keys >>> 2) + row] = base + Math.fround(scale * sum)
  }
}

function rescoreRows({ f32, i8, i16, u32 }: Views, given: Arguments<'rescoreRows'>): void {
  const [rows, scales, width, positions, count, query, given32, values] = given
  const scale = Math.fround(given32)
  for (let i = 0; i < count; i++) {
    const position = u32[(positions >>> 2) + i] as number
    const row = rows + position * width
    let sum = 0
    for (let j = 0; j < width; j++)
      sum += (i8[row + j] as number) * (i16[(query >>> 1) + j] as number)
    const factor = Math.fround((f32[(scales >>> 2) + position] as number) * scale)
    f32[(values >>> 2) + i] = Math.fround(sum) * factor
  }
}

function nearestRows({ f32, u32 }: Views, given: Arguments<'nearestRows'>): void {
  const [rows, count, width, centroids, halves, lists, nearest] = given
  const lanes = new Float32Array(4)
  for (let i = 0; i < count; i++) {
    let best = Number.NEGATIVE_INFINITY
    let at = 0
    for (let c = 0; c < lists; c++) {
      const sum = dot(f32, (rows >>> 2) + i * width, (centroids >>> 2) + c * width, width, lanes)
      const key = Math.fround(sum - (f32[(halves >>> 2) + c] as number))
      if (key > best) {
        best = key
        at = c
      }
    }
    u32[(nearest >>> 2) + i] = at
  }
}

function encodeRows({ f32, u8 }: Views, given: Arguments<'encodeRows'>): void {
  const [rows, count, stride, dimensions, codebook, halves, codes, chosen, step] = given
  for (let i = 0; i < count; i++) {
    let best = Number.NEGATIVE_INFINITY
    let at = 0
    for (let c = 0; c < codes; c++) {
      const start = -(f32[(halves >>> 2) + c] as number)
      const row = (rows >>> 2) + i * stride
      const key = subDot(f32, start, row, dimensions, (codebook >>> 2) + c, codes)
      if (key > best) {
        best = key
        at = c
      }
    }
    u8[chosen + i * step] = at
  }
}

function scoreCodesAt8(views: Views, given: Arguments<'scoreCodesAt8'>): void {
  const [addresses, count, subvectors, tables, keys] = given
  for (let i = 0; i < count; i++) {
    const codes = views.u32[(addresses >>> 2) + i] as number
    scoreCodes8(views, [codes, 1, subvectors, tables, 0, keys + i * 4])
  }
}

function scoreCodesAt4({ f32, u8, u32 }: Views, given: Arguments<'scoreCodesAt4'>): void {
  const [addresses, count, pairs, tables, keys] = given
  for (let i = 0; i < count; i++) {
    let at = u32[(addresses >>> 2) + i] as number
    let a = 0
    let b = 0
    for (let pair = 0; pair < pairs; pair++) {
      const both = u8[at] as number
      const table = (tables >>> 2) + pair * 32
      a = Math.fround(a + (f32[table + (both & 15)] as number))
      b = Math.fround(b + (f32[table + 16 + (both >>> 4)] as number))
      at += 32
    }
    f32[(keys >>> 2) + i] = a + b
  }
}
