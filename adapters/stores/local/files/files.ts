import { dirname } from 'node:path'
import { QuarryError } from '../../../../src/core/errors.ts'
import { type Disk, type DiskFile, nodeDisk } from './disk.ts'

/** Most bytes of one write or read, since the system takes no more than 2 GiB at once and others want their turn. */
const PIECE_BYTES = 16 * 1024 * 1024

/**
 * All that the engine does to the disk. What the system refuses (no space, too many open files, a broken disk) is
 * `unavailable`, with its errno in `details.errno`; what is simply not there is null, and never an error.
 */
export interface Files {
  /**
   * Replaces a file as one: it is written to `<path>.tmp`, synced and renamed, and the folder is synced. Where it
   * rejects, the file is what it was, or, if only the last sync failed, wholly the new one: keep what both name.
   * Answers the file's bytes.
   */
  writeDurably(
    path: string,
    pieces: Iterable<Uint8Array> | AsyncIterable<Uint8Array>,
  ): Promise<number>
  /** The whole of a small file. */
  read(path: string): Promise<Uint8Array | null>
  open(path: string): Promise<OpenFile | null>
  /** The names in a folder, in order; none where the folder is not there. */
  list(folder: string): Promise<readonly string[]>
  /** Lasts. Both in one folder. */
  rename(path: string, to: string): Promise<void>
  /** A file, or a folder with all it holds. Lasts, and succeeds where nothing is there. */
  remove(path: string): Promise<void>
  /** With those above it. Lasts. */
  makeFolder(path: string): Promise<void>
}

export interface OpenFile {
  readonly bytes: number
  /** Fills `into` from a position on. Answers how much of it could be filled: less only at the end of the file. */
  read(into: Uint8Array, position: number): Promise<number>
  close(): Promise<void>
}

export function nodeFiles(): Files {
  return filesOn(nodeDisk)
}

export function filesOn(disk: Disk): Files {
  return {
    writeDurably: (path, pieces) => attempt('write', path, () => writeDurably(disk, path, pieces)),
    read: (path) => attempt('read', path, () => present(() => readAll(disk, path))),
    open: (path) => attempt('open', path, () => present(() => openFile(disk, path))),
    list: (folder) =>
      attempt('list', folder, async () =>
        ((await present(() => disk.list(folder))) ?? []).toSorted(),
      ),
    rename: (path, to) =>
      attempt('rename', path, async () => {
        await disk.rename(path, to)
        await disk.syncFolder(dirname(to))
      }),
    remove: (path) =>
      attempt('remove', path, async () => {
        await disk.remove(path)
        await present(() => disk.syncFolder(dirname(path)))
      }),
    makeFolder: (path) => attempt('make folder', path, () => makeFolder(disk, path)),
  }
}

async function writeDurably(
  disk: Disk,
  path: string,
  pieces: Iterable<Uint8Array> | AsyncIterable<Uint8Array>,
): Promise<number> {
  const temporary = `${path}.tmp`
  let bytes: number
  try {
    bytes = await writeAndSync(disk, temporary, pieces)
    await disk.rename(temporary, path)
  } catch (error) {
    // What went wrong first is what is told; a file that stays behind is written over by the next try.
    await disk.remove(temporary).catch(() => undefined)
    throw error
  }
  await disk.syncFolder(dirname(path))
  return bytes
}

async function writeAndSync(
  disk: Disk,
  path: string,
  pieces: Iterable<Uint8Array> | AsyncIterable<Uint8Array>,
): Promise<number> {
  const file = await disk.create(path)
  let bytes = 0
  try {
    for await (const piece of pieces) {
      await writeAll(file, piece)
      bytes += piece.byteLength
    }
    await file.sync()
  } catch (error) {
    await file.close().catch(() => undefined)
    throw error
  }
  await file.close()
  return bytes
}

async function writeAll(file: DiskFile, bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.byteLength; ) {
    const written = await file.write(bytes.subarray(at, at + PIECE_BYTES))
    if (written <= 0)
      throw new QuarryError('unavailable', 'the disk took none of the bytes written')
    at += written
  }
}

async function readAll(disk: Disk, path: string): Promise<Uint8Array> {
  const file = await openFile(disk, path)
  try {
    const bytes = new Uint8Array(file.bytes)
    return bytes.subarray(0, await file.read(bytes, 0))
  } finally {
    await file.close()
  }
}

async function openFile(disk: Disk, path: string): Promise<OpenFile> {
  const file = await disk.open(path)
  try {
    const bytes = await file.size()
    return {
      bytes,
      read: (into, position) => attempt('read', path, () => fill(file, into, position)),
      close: () => attempt('close', path, () => file.close()),
    }
  } catch (error) {
    await file.close()
    throw error
  }
}

async function fill(file: DiskFile, into: Uint8Array, position: number): Promise<number> {
  let at = 0
  while (at < into.byteLength) {
    const read = await file.read(into.subarray(at, at + PIECE_BYTES), position + at)
    if (read === 0) break
    at += read
  }
  return at
}

/** Syncs every folder that a name was added to, and the last one's in any case: a former try may have failed there. */
async function makeFolder(disk: Disk, path: string): Promise<void> {
  const topmost = (await disk.makeFolder(path)) ?? path
  for (let folder = dirname(path); ; folder = dirname(folder)) {
    await disk.syncFolder(folder)
    if (folder.length <= dirname(topmost).length) return
  }
}

async function present<T>(call: () => Promise<T>): Promise<T | null> {
  try {
    return await call()
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return null
    throw error
  }
}

async function attempt<T>(what: string, path: string, call: () => Promise<T>): Promise<T> {
  try {
    return await call()
  } catch (error) {
    const errno = errnoOf(error)
    if (errno === null) throw error
    throw new QuarryError('unavailable', `cannot ${what} ${path}: ${errno}`, {
      cause: error,
      details: { path, errno },
    })
  }
}

/** Null for what is no refusal by the system. */
function errnoOf(error: unknown): string | null {
  return error instanceof Error && 'errno' in error && 'code' in error ? String(error.code) : null
}
