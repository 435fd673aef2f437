import type { Bm25KernelFunctions } from '../bm25/kernels.ts'
import type { IvfKernelFunctions } from '../ivf/kernels.ts'
import type { Scratch } from './scratch.ts'

/**
 * What is computed on one memory, by address. The sources in `kernels/assembly` say what each does; `scalar-kernels.ts`
 * does the same bit for bit where the processor has no SIMD.
 */
export interface KernelFunctions extends Bm25KernelFunctions, IvfKernelFunctions {
  scanRows(
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
  ): number
  dotRows(
    floats: number,
    dimensions: number,
    rows: number,
    count: number,
    query: number,
    out: number,
  ): void
  distanceRows(
    floats: number,
    dimensions: number,
    rows: number,
    count: number,
    query: number,
    out: number,
  ): void
}

/** The kernels of one memory, with room for what a search writes down. */
export interface Kernels {
  readonly run: KernelFunctions
  /** @throws QuarryError `internal` where the array does not lie in this memory */
  addressOf(array: ArrayBufferView): number
  /**
   * Each running search has its own, since it may pause while others go on.
   * @throws QuarryError `unavailable` where the memory is full
   */
  takeScratch(): Scratch
  giveScratch(scratch: Scratch): void
  /**
   * More room for a search, in the same memory and aligned to 64; what is in it is left over from others.
   * @throws QuarryError `unavailable` where the memory is full
   */
  takeBytes(bytes: number): Uint8Array
  giveBytes(bytes: Uint8Array): void
}
