import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Usearch, UsearchConfig, UsearchIndex } from './native.ts'

/** A search looks at no fewer candidates than it asks results for, so `expansion_search` is left at the least. */
export function usearchConfig(dimensions: number, m = 16, efConstruction = 1): UsearchConfig {
  return {
    dimensions,
    metric: 'cos',
    quantization: 'i8',
    connectivity: m,
    expansion_add: efConstruction,
    expansion_search: 1,
    multi: false,
  }
}

/**
 * Frees the graph at once by loading an empty one in its place: the garbage collector does not know how large it is
 * and may not come for long. Holds the thread.
 */
export function freeUsearch(Index: Usearch['Index'], index: UsearchIndex): void {
  let folder: string | null = null
  try {
    folder = mkdtempSync(join(tmpdir(), 'quarry-hnsw-'))
    const empty = join(folder, 'empty')
    new Index(usearchConfig(1)).save(empty)
    index.load(empty)
  } catch {
    // Without a temporary folder it stays until the garbage collector comes.
  } finally {
    if (folder !== null) rmSync(folder, { recursive: true, force: true })
  }
}
