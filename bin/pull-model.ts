import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { mkdir, rename, rm, stat, writeFile } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { download } from '../eval/fetch/download.ts'
import { Budget } from '../src/core/budget.ts'
import { QuarryError } from '../src/core/errors.ts'

export interface PullOptions {
  /** Such as `BAAI/bge-small-en-v1.5`. */
  readonly repo: string
  /** A branch, a tag or a commit. */
  readonly revision: string
  /** The model's folder; it must not exist. */
  readonly to: string
  /** Serves `/<repo>/resolve/<revision>/<file>`. */
  readonly baseUrl: string
  /** The graph in the repository; null for the first of the usual places. */
  readonly file: string | null
  readonly signal: AbortSignal
  readonly onProgress?: ((file: string, done: number, total: number | null) => void) | undefined
}

const MiB = 1024 ** 2
const GRAPHS = ['model.onnx', 'onnx/model.onnx']
const GRAPH_BYTES_MAX = 16 * 1024 * MiB
const FILE_BYTES_MAX = 64 * MiB
const IDLE_MS = 30_000
/** Those that say how a model is used; a repository has only some of them. */
const FILES = [
  'tokenizer.json',
  'vocab.txt',
  'tokenizer_config.json',
  'special_tokens_map.json',
  'modules.json',
  'sentence_bert_config.json',
  'config_sentence_transformers.json',
  '1_Pooling/config.json',
  'artifact.metadata',
  'LICENSE',
  'README.md',
]

/** What a hub says of a file before it is downloaded. */
interface Remote {
  readonly name: string
  readonly bytes: number | null
  /** SHA-256 of a large file, Git's blob id of a small one; null where the hub gives neither. */
  readonly checksum: string | null
  /** The commit that the revision stands for; null where the hub does not say. */
  readonly commit: string | null
}

/**
 * Downloads a model's graph and the files that say how to use it, all of one commit and each checked. An interrupted
 * pull goes on where it stopped, and the folder appears only when all of it is there.
 */
export async function pullModel(options: PullOptions): Promise<void> {
  const { repo, revision, to, signal } = options
  if (await exists(to))
    throw new QuarryError('conflict', `${to} exists; remove it or name another folder with --to`)
  const config = await find(options, revision, ['config.json'])
  const commit = config.commit ?? revision
  const graph = await find(options, commit, options.file === null ? GRAPHS : [options.file])
  const files = [config, graph]
  for (const name of [`${graph.name}_data`, ...FILES]) {
    const file = await look(options, commit, name)
    if (file !== null) files.push(file)
  }
  const staging = join(dirname(to), `.${basename(to)}.${commit.replaceAll('/', '-')}.pulling`)
  for (const file of files) {
    signal.throwIfAborted()
    await fetchFile(options, commit, file, join(staging, file.name))
  }
  await writeFile(join(staging, 'source.json'), `${JSON.stringify({ repo, revision: commit })}\n`)
  await rename(staging, to)
}

/** The first of the names that the repository has. */
async function find(
  options: PullOptions,
  revision: string,
  names: readonly string[],
): Promise<Remote> {
  for (const name of names) {
    const file = await look(options, revision, name)
    if (file !== null) return file
  }
  throw new QuarryError(
    'not_found',
    `${options.repo} at ${revision} has no ${names.join(' or ')} on ${options.baseUrl}`,
  )
}

/** Large files are redirected to a store, and only the hub's own answer has their checksum. */
async function look(options: PullOptions, revision: string, name: string): Promise<Remote | null> {
  let url = urlOf(options, revision, name)
  for (let hop = 0; hop < 5; hop += 1) {
    const { status, headers } = await head(url, options.signal)
    if (status === 404) return null
    if (status >= 400) throw refusal(url, status)
    const location = headers.get('location')
    if (status < 300 || location === null || headers.has('x-linked-etag'))
      return remoteOf(name, headers)
    url = new URL(location, url).href
  }
  throw new QuarryError('upstream_failed', `${url} is redirected in circles`)
}

function refusal(url: string, status: number): QuarryError {
  if (status !== 401 && status !== 403)
    return new QuarryError('upstream_failed', `${url} answered with status ${status}`)
  return new QuarryError('upstream_failed', `${url} needs an account, or does not exist`, {
    retryable: false,
  })
}

function remoteOf(name: string, headers: Headers): Remote {
  const bytes = headers.get('x-linked-size') ?? headers.get('content-length')
  const tag = headers.get('x-linked-etag') ?? headers.get('etag') ?? ''
  return {
    name,
    bytes: bytes === null ? null : Number(bytes),
    checksum: /^(?:W\/)?"([0-9a-f]{64}|[0-9a-f]{40})"$/.exec(tag)?.[1] ?? null,
    commit: headers.get('x-repo-commit'),
  }
}

async function head(url: string, signal: AbortSignal): Promise<Response> {
  try {
    return await Budget.start(IDLE_MS, { signal }).run((ends) =>
      fetch(url, { method: 'HEAD', redirect: 'manual', signal: ends }),
    )
  } catch (cause) {
    signal.throwIfAborted()
    throw new QuarryError('unavailable', `no answer from ${url}`, { cause })
  }
}

function urlOf({ baseUrl, repo }: PullOptions, revision: string, name: string): string {
  return `${baseUrl.replace(/\/$/, '')}/${repo}/resolve/${encodeURIComponent(revision)}/${name}`
}

async function fetchFile(
  options: PullOptions,
  commit: string,
  { name, bytes, checksum }: Remote,
  path: string,
): Promise<void> {
  // It is under this name only once it has been checked.
  if (await exists(path)) return
  const bytesMax = /\.onnx(_data)?$/.test(name) ? GRAPH_BYTES_MAX : FILE_BYTES_MAX
  const url = urlOf(options, commit, name)
  if (bytes !== null && bytes > bytesMax)
    throw new QuarryError(
      'payload_too_large',
      `${url} has ${bytes} bytes; at most ${bytesMax} are taken`,
    )
  await mkdir(dirname(path), { recursive: true })
  const part = `${path}.part`
  const { signal, onProgress } = options
  await download({
    url,
    path: part,
    bytesMax,
    idleMs: IDLE_MS,
    md5: null,
    signal,
    onProgress: (done, total) => onProgress?.(name, done, total),
  })
  await check(part, url, checksum)
  await rename(part, path)
}

async function check(path: string, url: string, checksum: string | null): Promise<void> {
  if (checksum === null) return
  const found = checksum.length === 64 ? await digest(path, 'sha256', '') : await blobId(path)
  if (found === checksum) return
  await rm(path)
  throw new QuarryError(
    'conflict',
    `${url} is not what the hub announced: its checksum is ${found}, not ${checksum}; it was removed`,
  )
}

/** Git's name for a file's content. */
async function blobId(path: string): Promise<string> {
  return await digest(path, 'sha1', `blob ${(await stat(path)).size}\0`)
}

async function digest(path: string, algorithm: string, before: string): Promise<string> {
  const hash = createHash(algorithm).update(before)
  for await (const part of createReadStream(path, { highWaterMark: MiB })) hash.update(part)
  return hash.digest('hex')
}

function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    (cause: NodeJS.ErrnoException) => {
      if (cause.code === 'ENOENT') return false
      throw cause
    },
  )
}
