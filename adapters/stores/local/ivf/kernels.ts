/**
 * What ivf_pq computes on one memory, by address; the sources in `kernels/assembly/ivf.ts` say what each does.
 * `scalar-kernels.ts` does the same bit for bit.
 */
export interface IvfKernelFunctions {
  scoreRows(
    rows: number,
    offsets: number,
    count: number,
    width: number,
    query: number,
    keys: number,
  ): void
  scoreCodebooks(
    codebooks: number,
    subvectors: number,
    dimensions: number,
    codes: number,
    query: number,
    tables: number,
  ): void
  scoreCodes8(
    codes: number,
    count: number,
    subvectors: number,
    tables: number,
    base: number,
    keys: number,
  ): void
  scoreCodes4(
    codes: number,
    blocks: number,
    pairs: number,
    tables: number,
    scale: number,
    base: number,
    keys: number,
  ): void
  rescoreRows(
    rows: number,
    scales: number,
    width: number,
    positions: number,
    count: number,
    query: number,
    scale: number,
    values: number,
  ): void
  nearestRows(
    rows: number,
    count: number,
    width: number,
    centroids: number,
    halves: number,
    lists: number,
    nearest: number,
  ): void
  encodeRows(
    rows: number,
    count: number,
    stride: number,
    dimensions: number,
    codebook: number,
    halves: number,
    codes: number,
    chosen: number,
    step: number,
  ): void
  scoreCodesAt8(
    addresses: number,
    count: number,
    subvectors: number,
    tables: number,
    keys: number,
  ): void
  scoreCodesAt4(addresses: number, count: number, pairs: number, tables: number, keys: number): void
}
