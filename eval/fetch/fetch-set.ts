import { mkdir, readdir, rename, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { QuarryError } from '../../src/core/errors.ts'
import { LIMITS } from '../../src/core/limits.ts'
import { download } from './download.ts'
import { BEIR_URL, PUBLIC_SETS } from './public-sets.ts'
import { unpack } from './unpack.ts'

export interface FetchOptions {
  readonly name: string
  /** Where the set's own folder will stand. */
  readonly into: string
  /** Of another mirror; null for the authors' own. */
  readonly baseUrl: string | null
  /** Of the archive; null for the published one, where there is one. */
  readonly md5: string | null
  readonly signal: AbortSignal
  readonly onProgress?: ((done: number, total: number | null) => void) | undefined
}

const UNPACK_LIMITS = {
  entriesMax: LIMITS.evalArchiveFiles.max,
  bytesMax: LIMITS.evalUnpackedBytes.max,
  ratioMax: LIMITS.evalArchiveRatio.max,
}
const NAME = /^[a-z0-9][a-z0-9._-]{0,63}$/

/**
 * Downloads a public BEIR set and unpacks it beside the others. The folder appears only when all of it is there.
 * @returns the folder
 */
export async function fetchSet(options: FetchOptions): Promise<string> {
  const { name, into, baseUrl, signal, onProgress } = options
  if (!NAME.test(name) || (baseUrl === null && !Object.hasOwn(PUBLIC_SETS, name)))
    throw new QuarryError(
      'invalid_request',
      `"${name}" is no public set; there are: ${Object.keys(PUBLIC_SETS).join(', ')}`,
    )
  const folder = join(into, name)
  if (await exists(folder)) return folder
  await mkdir(into, { recursive: true })
  const archive = join(into, `.${name}.zip.part`)
  const known = baseUrl === null ? (PUBLIC_SETS[name] ?? null) : null
  await download({
    url: `${(baseUrl ?? BEIR_URL).replace(/\/$/, '')}/${name}.zip`,
    path: archive,
    bytesMax: LIMITS.evalArchiveBytes.max,
    idleMs: LIMITS.evalFetchIdleMs.max,
    md5: options.md5 ?? known,
    signal,
    onProgress,
  })
  const unpacked = join(into, `.${name}.unpacking`)
  await rm(unpacked, { recursive: true, force: true })
  try {
    await unpack(archive, unpacked, UNPACK_LIMITS, signal)
    await rename(await rootOf(unpacked), folder)
  } catch (error) {
    // An archive that can't be unpacked won't get better by downloading its end again.
    if (!signal.aborted) await rm(archive, { force: true })
    throw error
  } finally {
    await rm(unpacked, { recursive: true, force: true })
  }
  await rm(archive, { force: true })
  return folder
}

/** Archives hold one folder with the files in it, or the files themselves. */
async function rootOf(unpacked: string): Promise<string> {
  const [only, ...others] = await readdir(unpacked, { withFileTypes: true })
  return only?.isDirectory() === true && others.length === 0 ? join(unpacked, only.name) : unpacked
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    (cause: NodeJS.ErrnoException) => {
      if (cause.code === 'ENOENT') return false
      throw cause
    },
  )
}
