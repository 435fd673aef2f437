import { open, rm } from 'node:fs/promises'
import { crc32 } from 'node:zlib'
import { QuarryError } from '../../../../src/core/errors.ts'
import { isTurnOver, nextTurn } from '../../../../src/core/turns.ts'
import { type Files, nodeFiles, type OpenFile } from '../files/files.ts'
import { UnusableFile } from '../segment/unusable-file.ts'

/** A graph on disk and what it must be byte for byte, since native code trusts every number in it. */
export interface GraphFile {
  readonly path: string
  readonly bytes: number
  readonly crc32: number
}

/** Checksums of so much take well under a millisecond. */
const PIECE_BYTES = 256 * 1024

/** Syncs a file that native code wrote and sums it up. It still has the name it was written under. */
export async function sealGraphFile(path: string, signal: AbortSignal): Promise<GraphFile> {
  const handle = await open(path, 'r+')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
  const file = await nodeFiles().open(path)
  if (file === null) throw new QuarryError('internal', `${path} was removed while it was made`)
  try {
    return { path, bytes: file.bytes, crc32: await sumUp(path, file, signal) }
  } finally {
    await file.close()
  }
}

/** @throws UnusableFile where it is missing or not what was written; `unavailable` where it can't be read just now */
export async function checkGraphFile(
  files: Files,
  { path, bytes, crc32: expected }: GraphFile,
  signal: AbortSignal,
): Promise<void> {
  const file = await files.open(path)
  if (file === null) throw new UnusableFile('missing', path, 'there is no such file')
  try {
    if (file.bytes !== bytes)
      throw new UnusableFile('damaged', path, `it has ${file.bytes} bytes, not ${bytes}`)
    if ((await sumUp(path, file, signal)) !== expected)
      throw new UnusableFile('damaged', path, 'it does not match its checksum')
  } finally {
    await file.close()
  }
}

/** For a sound file that native code refused, as it does where memory runs out. */
export function notLoaded({ path, bytes }: GraphFile, cause: unknown): QuarryError {
  return new QuarryError('unavailable', `the graph ${path} of ${bytes} bytes could not be loaded`, {
    cause,
    details: { path, bytes },
  })
}

/** Runs `write`, and leaves no file behind where it fails. */
export async function orRemove<T>(path: string, write: () => Promise<T>): Promise<T> {
  try {
    return await write()
  } catch (error) {
    // What went wrong first is what is told.
    await rm(path, { force: true }).catch(() => undefined)
    throw error
  }
}

async function sumUp(path: string, file: OpenFile, signal: AbortSignal): Promise<number> {
  const piece = new Uint8Array(Math.min(PIECE_BYTES, file.bytes))
  let crc = 0
  for (let at = 0; at < file.bytes; at += piece.byteLength) {
    signal.throwIfAborted()
    const wanted = piece.subarray(0, Math.min(piece.byteLength, file.bytes - at))
    if ((await file.read(wanted, at)) < wanted.byteLength)
      throw new UnusableFile('damaged', path, `the file ends before byte ${file.bytes}`)
    crc = crc32(wanted, crc)
    if (isTurnOver()) await nextTurn(signal)
  }
  return crc
}
