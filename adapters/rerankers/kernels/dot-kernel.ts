import { type WasmMemory, webAssembly } from '../../kernels/web-assembly.ts'
import { WASM_BASE64 } from './artefact.ts'

/** Room for some rows and query rows, and what multiplies each with each. */
export interface DotKernel {
  /** `rowsMax` rows of `stride` numbers, one after the other. */
  readonly rows: Int8Array
  readonly queries: Int16Array
  readonly rowsMax: number
  readonly queriesMax: number
  /** The dimensions, filled up to a multiple of 16 with zeros. */
  readonly stride: number
  /** Exact integers, the products of one row side by side; overwritten by the next call. */
  dotAll(rowCount: number, queryCount: number): Int32Array
}

const PAGE_BYTES = 65_536
const PAGES_MAX = 65_536
const LANES = 16

export interface DotKernelSettings {
  readonly dimensions: number
  readonly rowsMax: number
  readonly queriesMax: number
  /** Does without SIMD. */
  readonly scalar?: boolean | undefined
}

/** With SIMD where the machine has it; without, the same integers. */
export function openDotKernel({
  dimensions,
  rowsMax,
  queriesMax,
  scalar = false,
}: DotKernelSettings): DotKernel {
  const stride = Math.ceil(dimensions / LANES) * LANES
  const queriesAt = rowsMax * stride
  const productsAt = queriesAt + queriesMax * stride * 2
  const bytes = productsAt + rowsMax * queriesMax * 4
  const initial = Math.ceil(bytes / PAGE_BYTES)
  const memory = new webAssembly.Memory({ initial, maximum: PAGES_MAX, shared: true })
  const rows = new Int8Array(memory.buffer, 0, queriesAt)
  const queries = new Int16Array(memory.buffer, queriesAt, queriesMax * stride)
  const products = new Int32Array(memory.buffer, productsAt, rowsMax * queriesMax)
  const simd = scalar ? null : compiled(memory)
  return {
    rows,
    queries,
    rowsMax,
    queriesMax,
    stride,
    dotAll(rowCount, queryCount) {
      if (simd !== null) simd.dotAll(0, rowCount, queriesAt, queryCount, stride, productsAt)
      else dotAllScalar(rows, rowCount, queries, queryCount, stride, products)
      return products.subarray(0, rowCount * queryCount)
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

function dotAllScalar(
  rows: Int8Array,
  rowCount: number,
  queries: Int16Array,
  queryCount: number,
  stride: number,
  products: Int32Array,
): void {
  for (let row = 0; row < rowCount; row += 1)
    for (let query = 0; query < queryCount; query += 1) {
      let sum = 0
      for (let j = 0; j < stride; j += 1)
        sum += (rows[row * stride + j] as number) * (queries[query * stride + j] as number)
      products[row * queryCount + query] = sum
    }
}
