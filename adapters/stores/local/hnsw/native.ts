import { createRequire } from 'node:module'
import { QuarryError } from '../../../../src/core/errors.ts'

/** What is used of hnswlib-node. It takes arrays of numbers only, never typed ones. */
export interface Hnswlib {
  readonly HierarchicalNSW: new (space: 'ip' | 'l2', dimensions: number) => HnswlibIndex
}

export interface HnswlibIndex {
  /** Frees what the index held before. */
  initIndex(maxElements: number, m?: number, efConstruction?: number): void
  addPoint(point: readonly number[], label: number): void
  /** Reads in libuv's thread pool, and frees there what the index held before. */
  readIndex(path: string): Promise<boolean>
  /** Reports no error of the disk. */
  writeIndex(path: string): Promise<boolean>
  setEf(ef: number): void
  getCurrentCount(): number
  getPoint(label: number): number[]
  searchKnn(query: readonly number[], k: number): { distances: number[]; neighbors: number[] }
}

/** What is used of usearch. Every call of it holds its thread. */
export interface Usearch {
  readonly Index: new (config: UsearchConfig) => UsearchIndex
}

export interface UsearchConfig {
  readonly dimensions: number
  readonly metric: 'cos'
  readonly quantization: 'i8'
  readonly connectivity: number
  readonly expansion_add: number
  readonly expansion_search: number
  readonly multi: boolean
}

export interface UsearchIndex {
  add(keys: BigUint64Array, vectors: Float32Array, threads: number): void
  save(path: string): void
  /** Frees what the index held before. */
  load(path: string): void
  size(): number
  search(query: Float32Array, k: number, threads: number): { readonly keys: BigUint64Array }
}

/** @throws QuarryError `unsupported` where the package is absent or was not compiled, saying how to get it */
export async function loadHnswlib(
  load: () => Promise<unknown> = () => import('hnswlib-node'),
): Promise<Hnswlib> {
  const how = 'npm install hnswlib-node@3.0.0 (compiled at install; npm rebuild hnswlib-node)'
  return await loadPackage<Hnswlib>('hnswlib-node', 'HierarchicalNSW', how, load)
}

/**
 * By `require`: importing the package's ES module never ends in a worker thread that runs TypeScript through tsx.
 * @throws QuarryError `unsupported` where the package is absent or has no build for this platform
 */
export async function loadUsearch(
  load: () => Promise<unknown> = async () => createRequire(import.meta.url)('usearch') as unknown,
): Promise<Usearch> {
  const how = 'npm install usearch@2.25.3 (has builds for linux and macOS on x64 and arm64)'
  return await loadPackage<Usearch>('usearch', 'Index', how, load)
}

async function loadPackage<T>(
  name: string,
  needed: string,
  how: string,
  load: () => Promise<unknown>,
): Promise<T> {
  let cause: unknown
  try {
    const found = await load()
    // Node puts what a CommonJS package exports under `default`.
    for (const exports of [found, (found as { readonly default?: unknown }).default])
      if (typeof exports === 'object' && exports !== null && needed in exports) return exports as T
  } catch (error) {
    cause = error
  }
  throw new QuarryError('unsupported', `hnsw needs the package ${name} here: ${how}`, {
    cause,
    details: { package: name },
  })
}
