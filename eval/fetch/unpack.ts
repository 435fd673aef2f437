import { createWriteStream } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { Transform } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { crc32 } from 'node:zlib'
import { type Entry, openPromise, type ZipFile } from 'yauzl'
import { QuarryError } from '../../src/core/errors.ts'

export interface UnpackLimits {
  readonly entriesMax: number
  /** Of all files together, unpacked. */
  readonly bytesMax: number
  /** Unpacked over packed, of a file above a megabyte: text is packed to a tenth, not to a thousandth. */
  readonly ratioMax: number
}

const RATIO_FREE_BYTES = 1024 * 1024
const FILE_TYPE_MASK = 0o170000
const REGULAR_FILE = 0o100000

/**
 * Unpacks an archive into a folder. Every entry is judged by the directory of the archive before the first is written.
 * @throws QuarryError `invalid_request` for an archive that is damaged, too large, or that leads out of the folder
 */
export async function unpack(
  archive: string,
  folder: string,
  limits: UnpackLimits,
  signal: AbortSignal,
): Promise<void> {
  const zip = await openZip(archive)
  try {
    const files: Entry[] = []
    for await (const entry of entriesOf(zip, archive)) {
      checkEntry(entry, archive, limits)
      if (!entry.fileName.endsWith('/')) files.push(entry)
      if (files.length > limits.entriesMax)
        throw refused(archive, `it has more than ${limits.entriesMax} files`)
    }
    const bytes = files.reduce((sum, { uncompressedSize }) => sum + uncompressedSize, 0)
    if (bytes > limits.bytesMax)
      throw refused(archive, `unpacked it has ${bytes} bytes, and ${limits.bytesMax} are allowed`)
    for (const entry of files) await write(zip, entry, archive, folder, signal)
  } finally {
    zip.close()
  }
}

async function openZip(archive: string): Promise<ZipFile> {
  try {
    // Names with "..", a drive or a backslash, and sizes other than announced, are errors of the library.
    return await openPromise(archive, { autoClose: false, strictFileNames: true })
  } catch (cause) {
    throw refused(archive, `it cannot be read as zip: ${(cause as Error).message}`, cause)
  }
}

async function* entriesOf(zip: ZipFile, archive: string): AsyncGenerator<Entry> {
  try {
    yield* zip.eachEntry()
  } catch (cause) {
    if (cause instanceof QuarryError) throw cause
    throw refused(archive, (cause as Error).message, cause)
  }
}

function checkEntry(entry: Entry, archive: string, { ratioMax }: UnpackLimits): void {
  const { fileName, uncompressedSize, compressedSize, externalFileAttributes } = entry
  const type = (externalFileAttributes >>> 16) & FILE_TYPE_MASK
  const isFile = !fileName.endsWith('/')
  if (isFile && type !== 0 && type !== REGULAR_FILE)
    throw refused(archive, `"${fileName}" is a link or a device`)
  if (entry.isEncrypted()) throw refused(archive, `"${fileName}" is encrypted`)
  if (uncompressedSize > RATIO_FREE_BYTES && uncompressedSize > compressedSize * ratioMax)
    throw refused(archive, `"${fileName}" grows more than ${ratioMax} times when unpacked`)
}

async function write(
  zip: ZipFile,
  entry: Entry,
  archive: string,
  folder: string,
  signal: AbortSignal,
): Promise<void> {
  const path = join(folder, entry.fileName)
  await mkdir(dirname(path), { recursive: true })
  let sum = 0
  const summing = new Transform({
    transform(part: Buffer, _encoding, done) {
      sum = crc32(part, sum)
      done(null, part)
    },
  })
  try {
    const content = await zip.openReadStreamPromise(entry)
    await pipeline(content, summing, createWriteStream(path), { signal })
  } catch (cause) {
    signal.throwIfAborted()
    throw refused(archive, `"${entry.fileName}": ${(cause as Error).message}`, cause)
  }
  if (sum !== entry.crc32) throw refused(archive, `"${entry.fileName}" is damaged`)
}

function refused(archive: string, why: string, cause?: unknown): QuarryError {
  return new QuarryError('invalid_request', `${archive} is not unpacked: ${why}`, { cause })
}
