import { access } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { openStaticModel, type StaticModel } from './open-static-model.ts'

const ARTEFACT = join('adapters', 'static-model', 'quarry-static-en.qstm')

let opened: Promise<StaticModel> | undefined

/** The model at this path; without one the shipped, opened once a process, since embedder and reranker read the same tables. */
export function openModel(path?: string): Promise<StaticModel> {
  if (path !== undefined) return openStaticModel(path)
  opened ??= shippedModelPath().then((shipped) => openStaticModel(shipped))
  return opened
}

/** The model that ships with the package: from source beside this file, from `dist` in the folder beside it. */
export async function shippedModelPath(): Promise<string> {
  let folder = dirname(fileURLToPath(import.meta.url))
  for (;;) {
    const candidate = join(folder, ARTEFACT)
    const isThere = await access(candidate).then(
      () => true,
      () => false,
    )
    if (isThere) return candidate
    const parent = dirname(folder)
    if (parent === folder) throw new Error(`no ${ARTEFACT} above ${import.meta.url}`)
    folder = parent
  }
}
