/**
 * What bm25 computes on one memory, by address; the sources in `kernels/assembly/bm25.ts` say what each does.
 * `scalar-kernels.ts` does the same.
 */
export interface Bm25KernelFunctions {
  addPostings(
    rows: number,
    impacts: number,
    count: number,
    weight: number,
    first: number,
    sums: number,
  ): void
  takeAbove(
    sums: number,
    count: number,
    cut: number,
    allowed: number,
    rows: number,
    bounds: number,
  ): number
}
