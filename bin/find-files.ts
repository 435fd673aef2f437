import { stat } from 'node:fs/promises'
import { basename, relative, resolve, sep } from 'node:path'
import { glob, isDynamicPattern } from 'tinyglobby'
import { QuarryError } from '../src/core/errors.ts'
import { EXTENSIONS } from '../src/ingest/parse/media-type.ts'

export interface FoundFile {
  readonly path: string
  /** The document's id: the path below the folder that was named, or below a glob's fixed part; with forward slashes. */
  readonly id: string
  readonly bytes: number
}

const IGNORED = ['**/node_modules/**', '**/.*/**']

/**
 * Files behind files, folders and globs, each once, in order of their ids.
 * @throws QuarryError when an input leads to nothing, or when two files would have one id
 */
export async function findFiles(inputs: readonly string[]): Promise<FoundFile[]> {
  const byPath = new Map<string, FoundFile>()
  for (const input of inputs)
    for (const file of await filesOf(input)) byPath.set(resolve(file.path), file)
  const files = [...byPath.values()].sort((a, b) => (a.id < b.id ? -1 : 1))
  refuseTwins(files)
  return files
}

async function filesOf(input: string): Promise<FoundFile[]> {
  const kind = await stat(input).catch(() => undefined)
  if (kind?.isFile()) return [{ path: input, id: basename(input), bytes: kind.size }]
  if (kind?.isDirectory()) return search(input, input, `**/*.{${EXTENSIONS.join(',')}}`)
  const [root, pattern] = isDynamicPattern(input) ? splitGlob(input) : [null, '']
  if (root === null) throw new QuarryError('invalid_request', `there is no file or folder ${input}`)
  return search(input, root, pattern)
}

/** A file that vanishes or cannot be looked at meanwhile is reported when it is read. */
async function search(input: string, root: string, pattern: string): Promise<FoundFile[]> {
  const options = { cwd: root, absolute: true, ignore: IGNORED, caseSensitiveMatch: false }
  const paths = await glob(pattern, options)
  if (paths.length === 0) throw new QuarryError('invalid_request', `nothing to ingest in ${input}`)
  return Promise.all(
    paths.map(async (path) => ({
      path,
      id: relative(resolve(root), path).split(sep).join('/'),
      bytes: await stat(path).then(
        ({ size }) => size,
        () => 0,
      ),
    })),
  )
}

/** The folder that a glob surely lies in, and the rest: ids do not change with where the command is run. */
function splitGlob(input: string): [root: string, pattern: string] {
  const parts = input.split('/')
  const dynamic = parts.findIndex((part) => /[*?[{(]/.test(part))
  const at = Math.max(0, dynamic)
  const root = parts.slice(0, at).join('/')
  return [root === '' ? (input.startsWith('/') ? '/' : '.') : root, parts.slice(at).join('/')]
}

function refuseTwins(files: readonly FoundFile[]): void {
  for (const [at, file] of files.entries()) {
    const before = files[at - 1]
    if (before?.id === file.id)
      throw new QuarryError(
        'invalid_request',
        `${before.path} and ${file.path} would both be the document "${file.id}": name a folder above them instead`,
      )
  }
}
