import { QuarryError } from '../../../../src/core/errors.ts'
import { type WasmMemory, webAssembly } from '../../../kernels/web-assembly.ts'
import { FreeList } from './free-list.ts'
import type { KernelFunctions, Kernels } from './kernels.ts'
import { scalarKernels } from './scalar-kernels.ts'
import { SCRATCH_BYTES, type Scratch, scratchIn } from './scratch.ts'
import { wasmKernels } from './wasm-kernels.ts'

/** Of every range: its start and its length. */
const ALIGNMENT = 64
const PAGE_BYTES = 65_536
const PAGES_MAX = 65_536
/** Below it lies what the compiler may put there. */
const FIRST_BYTE = PAGE_BYTES
/** The last page stays free: where a range ended with the memory, its end would not fit in 32 bits. */
const END_MAX = (PAGES_MAX - 1) * PAGE_BYTES
/** The memory grows by at least so much, since each growth is a system call. */
const GROWTH_BYTES = 16 * 2 ** 20
/** What regions leave to searches. */
const SEARCH_BYTES = 32 * 2 ** 20
export const REGION_BYTES_MAX = END_MAX - FIRST_BYTE - SEARCH_BYTES

/** One shared WebAssembly memory, of at most 4 GiB since its addresses have 32 bits. */
export class Arena {
  readonly kernels: Kernels
  readonly #memory: WasmMemory
  readonly #free = new FreeList(FIRST_BYTE)
  readonly #regionEndMax: number
  /** All buffers that were handed out: a growth makes a new one, and views over the old ones stay valid. */
  readonly #buffers = new WeakSet<ArrayBufferLike>()

  constructor(regionBytesMax: number, scalar: boolean) {
    this.#regionEndMax = FIRST_BYTE + regionBytesMax
    this.#memory = new webAssembly.Memory({ initial: 1, maximum: PAGES_MAX, shared: true })
    const run = scalar ? null : wasmKernels(this.#memory)
    this.kernels = this.#kernelsOver(run ?? scalarKernels(this.#memory))
  }

  get buffer(): SharedArrayBuffer {
    // Some time after a growth V8 shows yet another object, so each one is noted where it is handed out.
    const { buffer } = this.#memory
    this.#buffers.add(buffer)
    return buffer
  }

  /** `bytes` is a multiple of the alignment; null where they do not fit. */
  take(bytes: number, endMax = this.#regionEndMax): number | null {
    const start = this.#free.take(bytes, endMax)
    if (start === null) return null
    if (this.#growTo(this.#free.end)) return start
    this.#free.give(start)
    return null
  }

  give(start: number): void {
    this.#free.give(start)
  }

  #growTo(end: number): boolean {
    const now = this.#memory.buffer.byteLength
    if (end <= now) return true
    const wanted = Math.max(end - now, Math.min(GROWTH_BYTES, PAGES_MAX * PAGE_BYTES - now))
    try {
      this.#memory.grow(Math.ceil(wanted / PAGE_BYTES))
      return true
    } catch (error) {
      if (error instanceof RangeError) return false
      throw error
    }
  }

  #kernelsOver(run: KernelFunctions): Kernels {
    const idle: Scratch[] = []
    return {
      run,
      addressOf: (array) => this.#addressOf(array),
      takeScratch: () => idle.pop() ?? scratchIn(this.#takeBytes(SCRATCH_BYTES)),
      giveScratch: (scratch) => {
        idle.push(scratch)
      },
      takeBytes: (bytes) => this.#takeBytes(bytes),
      giveBytes: ({ byteOffset }) => this.give(byteOffset),
    }
  }

  #addressOf({ buffer, byteOffset }: ArrayBufferView): number {
    if (this.#buffers.has(buffer)) return byteOffset
    throw new QuarryError(
      'internal',
      'an array for a kernel lies in another memory than the kernel',
    )
  }

  #takeBytes(asked: number): Uint8Array {
    const bytes = alignedBytes(asked)
    const start = this.take(bytes, END_MAX)
    if (start === null)
      throw new QuarryError('unavailable', `no memory for a search that takes ${bytes} bytes`)
    return new Uint8Array(this.buffer, start, bytes)
  }
}

/** No range is empty, so that each has an address of its own. */
export function alignedBytes(bytes: number): number {
  return Math.max(ALIGNMENT, Math.ceil(bytes / ALIGNMENT) * ALIGNMENT)
}
