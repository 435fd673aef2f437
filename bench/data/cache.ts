import { access, mkdir, rename, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'

/** What the benchmarks make once and use again: vectors, ground truth, passages, the peers' own files. */
export const CACHE_FOLDER: string = process.env['BENCH_CACHE'] ?? join(tmpdir(), 'quarry-bench')

/** The path of a cached file or folder; where there is none, `make` writes it at the path it is given. */
export async function cached(name: string, make: (path: string) => Promise<void>): Promise<string> {
  const path = join(CACHE_FOLDER, name)
  if (await exists(path)) return path
  const unfinished = `${path}.unfinished-${process.pid}`
  await mkdir(dirname(path), { recursive: true })
  try {
    await make(unfinished)
    await rename(unfinished, path)
  } finally {
    await rm(unfinished, { recursive: true, force: true })
  }
  return path
}

export async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  )
}
