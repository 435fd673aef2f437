import { type WasmMemory, webAssembly } from '../../kernels/web-assembly.ts'
import { WASM_BASE64 } from './artefact.ts'

/** A table of rows, room for some query rows, and what multiplies one with the others. */
export interface DotKernel {
  readonly queries: Int16Array
  /** The dimensions, filled up to a multiple of 16 with zeros: so far apart do queries begin. */
  readonly stride: number
  /** Exact integers, the products of one row with each of the first queries; overwritten by the next call. */
  dotRow(row: number, queryCount: number): Int32Array
}

const PAGE_BYTES = 65_536
const PAGES_MAX = 65_536
const LANES = 16

export interface DotKernelSettings {
  readonly dimensions: number
  /** One after the other; they are copied. */
  readonly rows: Int8Array
  readonly queriesMax: number
  /** Does without SIMD. */
  readonly scalar?: boolean | undefined
}

/** With SIMD where the machine has it; without, the same integers. */
export function openDotKernel(settings: DotKernelSettings): DotKernel {
  const { dimensions, queriesMax, scalar = false } = settings
  const stride = Math.ceil(dimensions / LANES) * LANES
  const rowCount = settings.rows.length / dimensions
  const queriesAt = rowCount * stride
  const productsAt = queriesAt + queriesMax * stride * 2
  const bytes = productsAt + queriesMax * 4
  const initial = Math.ceil(bytes / PAGE_BYTES)
  const memory = new webAssembly.Memory({ initial, maximum: PAGES_MAX, shared: true })
  const rows = new Int8Array(memory.buffer, 0, queriesAt)
  for (let row = 0; row < rowCount; row += 1)
    rows.set(settings.rows.subarray(row * dimensions, (row + 1) * dimensions), row * stride)
  const queries = new Int16Array(memory.buffer, queriesAt, queriesMax * stride)
  const products = new Int32Array(memory.buffer, productsAt, queriesMax)
  const simd = scalar ? null : compiled(memory)
  return {
    queries,
    stride,
    dotRow(row, queryCount) {
      if (simd !== null) simd.dotAll(row * stride, 1, queriesAt, queryCount, stride, productsAt)
      else dotScalar(rows, row, queries, queryCount, stride, products)
      return products
    },
  }
}

interface Simd {
  dotAll(
    rows: number,
    count: number,
    query: number,
    queries: number,
    stride: number,
    out: number,
  ): void
}

function compiled(memory: WasmMemory): Simd | null {
  const bytes = Buffer.from(WASM_BASE64, 'base64')
  if (!webAssembly.validate(bytes)) return null
  const { exports } = new webAssembly.Instance(new webAssembly.Module(bytes), { env: { memory } })
  return exports as Simd
}

function dotScalar(
  rows: Int8Array,
  row: number,
  queries: Int16Array,
  queryCount: number,
  stride: number,
  products: Int32Array,
): void {
  for (let query = 0; query < queryCount; query += 1) {
    let sum = 0
    for (let j = 0; j < stride; j += 1)
      sum += (rows[row * stride + j] as number) * (queries[query * stride + j] as number)
    products[query] = sum
  }
}
