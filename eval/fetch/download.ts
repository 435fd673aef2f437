import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { type FileHandle, open, rm, stat } from 'node:fs/promises'
import type { ReadableStreamDefaultReader } from 'node:stream/web'
import { Budget } from '../../src/core/budget.ts'
import { QuarryError } from '../../src/core/errors.ts'

export interface DownloadOptions {
  readonly url: string
  readonly path: string
  readonly bytesMax: number
  /** Longest silence of the server. */
  readonly idleMs: number
  /** In hexadecimal; null where nobody has published one. */
  readonly md5: string | null
  readonly signal: AbortSignal
  readonly onProgress?: ((done: number, total: number | null) => void) | undefined
}

/**
 * Downloads a file, going on where an earlier try stopped. What was got of it so far stays when the connection breaks;
 * what turns out to be another file than expected is removed.
 * @throws QuarryError `upstream_failed` or `unavailable` when the server does not give it; `payload_too_large` above the cap;
 * `conflict` when the checksum differs
 */
export async function download(options: DownloadOptions): Promise<void> {
  const { path, md5 } = options
  const from = await sizeOf(path)
  await transfer(options, from)
  if (md5 === null) return
  const found = await md5Of(path)
  if (found === md5) return
  await rm(path)
  throw new QuarryError(
    'conflict',
    `${options.url} is not the file that was published: its MD5 is ${found}, not ${md5}; it was removed`,
  )
}

async function transfer(options: DownloadOptions, from: number): Promise<void> {
  const response = await request(options, from)
  // The whole of it was here already.
  if (response.status === 416 && from > 0) return await response.body?.cancel()
  if (!response.ok || response.body === null) throw refusal(options.url, response)
  const resumes = response.status === 206
  const start = resumes ? from : 0
  const announced = response.headers.get('content-length')
  const total = announced === null ? null : start + Number(announced)
  if (total !== null && total > options.bytesMax) {
    await response.body.cancel()
    throw tooLarge(options, total)
  }
  const file = await open(options.path, resumes ? 'a' : 'w')
  try {
    await receive(options, response.body.getReader(), file, { done: start, total })
  } finally {
    await file.close()
  }
}

async function receive(
  options: DownloadOptions,
  reader: ReadableStreamDefaultReader<Uint8Array>,
  file: FileHandle,
  progress: { done: number; readonly total: number | null },
): Promise<void> {
  const { total } = progress
  for (;;) {
    const { value } = await withIdle(options, () => reader.read())
    if (value === undefined) break
    progress.done += value.byteLength
    if (progress.done > options.bytesMax) {
      await reader.cancel()
      throw tooLarge(options, progress.done)
    }
    await file.write(value)
    options.onProgress?.(progress.done, total)
  }
  if (total === null || progress.done === total) return
  throw new QuarryError(
    'upstream_failed',
    `${options.url} ended after ${progress.done} of ${total} bytes`,
  )
}

async function request({ url, idleMs, signal }: DownloadOptions, from: number): Promise<Response> {
  const headers = {
    'accept-encoding': 'identity',
    ...(from > 0 ? { range: `bytes=${from}-` } : {}),
  }
  try {
    // The signal of the call governs the body too, so the budget may end only the waiting for headers.
    return await Budget.start(idleMs, { signal }).run(() => fetch(url, { headers, signal }))
  } catch (cause) {
    signal.throwIfAborted()
    throw new QuarryError('unavailable', `no answer from ${url}`, { cause })
  }
}

async function withIdle<T>(
  { url, idleMs, signal }: DownloadOptions,
  work: () => Promise<T>,
): Promise<T> {
  try {
    return await Budget.start(idleMs, { signal }).run(work)
  } catch (cause) {
    signal.throwIfAborted()
    throw new QuarryError(
      'unavailable',
      `${url} stopped in the middle; the same command again goes on from there`,
      { cause },
    )
  }
}

function refusal(url: string, { status }: Response): QuarryError {
  return status === 404
    ? new QuarryError('not_found', `${url} does not exist`)
    : new QuarryError('upstream_failed', `${url} answered with status ${status}`)
}

function tooLarge({ url, bytesMax }: DownloadOptions, bytes: number): QuarryError {
  return new QuarryError(
    'payload_too_large',
    `${url} has ${bytes} bytes or more; at most ${bytesMax} are taken`,
  )
}

async function sizeOf(path: string): Promise<number> {
  try {
    return (await stat(path)).size
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return 0
    throw cause
  }
}

async function md5Of(path: string): Promise<string> {
  const hash = createHash('md5')
  for await (const part of createReadStream(path)) hash.update(part as Buffer)
  return hash.digest('hex')
}
