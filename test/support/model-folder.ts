import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { ChildSettings } from '../../adapters/onnx/protocol.ts'

/** A BERT of 41 kB with random weights, made by tools/export-onnx/tiny.py. */
export const TINY = fileURLToPath(new URL('../fixtures/onnx', import.meta.url))

export const tinySettings: ChildSettings = {
  task: 'embed',
  folder: TINY,
  file: null,
  threads: 1,
  tokensMax: null,
  batchTokens: 1_024,
  pooling: null,
  normalize: null,
}

/** What the numpy encoder of tools/export-onnx says. */
export interface Expected {
  readonly texts: readonly {
    readonly text: string
    readonly mean: readonly number[]
    readonly cls: readonly number[]
  }[]
  readonly pairs: readonly {
    readonly query: string
    readonly document: string
    readonly logit: number
    readonly max_sim: number
  }[]
}

export async function readExpected(): Promise<Expected> {
  return JSON.parse(await readFile(join(TINY, 'expected.json'), 'utf8'))
}

/** A copy of the tiny model with some files written over (text or JSON) or, where null, taken away. */
export async function variantOf(
  changes: Readonly<Record<string, string | object | null>>,
  name = 'model',
): Promise<{ readonly folder: string; remove(): Promise<void> }> {
  const root = await mkdtemp(join(tmpdir(), 'quarry-onnx-'))
  const folder = join(root, name)
  await cp(TINY, folder, { recursive: true })
  for (const [file, content] of Object.entries(changes)) {
    const path = join(folder, file)
    if (content === null) await rm(path, { recursive: true })
    else await writeFile(path, typeof content === 'string' ? content : JSON.stringify(content))
  }
  return { folder, remove: () => rm(root, { recursive: true, force: true }) }
}
