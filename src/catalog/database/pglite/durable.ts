import { closeSync, fsyncSync, openSync } from 'node:fs'
import { mkdir, open, readdir, rename, rm, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { type Extension, PGlite } from '@electric-sql/pglite'

export interface DurableDatabase {
  /** Answers complete wire-protocol messages; rejects only when the database itself broke and must be reopened. */
  execute(messages: Uint8Array): Promise<Uint8Array<ArrayBuffer>>
  close(): Promise<void>
}

type Extensions = Record<string, Extension>

/** The status of the exception with which PGlite signals an ordinary SQL error. Any other one is a crash. */
const SQL_ERROR_STATUS = 100

interface NodeFileStream {
  readonly nfd?: number
  readonly node: object
}

interface EmscriptenModule {
  readonly FS: {
    readonly filesystems: {
      readonly NODEFS: {
        readonly stream_ops: { fsync?: (stream: NodeFileStream) => number }
        realPath(node: object): string
      }
    }
  }
}

/**
 * PGlite by itself never calls fsync: it starts Postgres with `-F`, and its WASM file system has no such call.
 * This gives it one, before start-up (later is too late), so that a commit is on disk when it is acknowledged.
 */
export async function openDurable(
  dataDir: string | null,
  extensions: Extensions,
  image: Uint8Array | null = null,
): Promise<DurableDatabase> {
  const disk = { failure: null as unknown }
  const startParams = PGlite.defaultStartParams.filter((parameter) => parameter !== '-F')
  const database = await PGlite.create(dataDir ?? 'memory://', {
    startParams: [...startParams, '-c', 'fsync=on', '-c', 'wal_sync_method=fsync'],
    extensions: dataDir === null ? extensions : { ...extensions, fsync: fsyncExtension(disk) },
    ...(image === null ? {} : { loadDataDir: new Blob([new Uint8Array(image)]) }),
  })
  watchForCrashes(database, disk)
  return {
    execute: (messages) => execute(database, messages, disk),
    close: () => database.close(),
  }
}

function fsyncExtension(disk: { failure: unknown }): Extension {
  const fsync = (module: EmscriptenModule) => (stream: NodeFileStream) => {
    try {
      if (stream.nfd !== undefined && stream.nfd !== null) fsyncSync(stream.nfd)
      else fsyncFolder(module.FS.filesystems.NODEFS.realPath(stream.node))
      return 0
    } catch (error) {
      disk.failure = error
      throw error
    }
  }
  return {
    name: 'fsync',
    setup: async (_database, options: { preRun?: unknown[] }) => ({
      emscriptenOpts: {
        ...options,
        preRun: [
          ...(options.preRun ?? []),
          (module: EmscriptenModule) => {
            module.FS.filesystems.NODEFS.stream_ops.fsync = fsync(module)
          },
        ],
      },
    }),
  }
}

/** Emscripten opens no file descriptor for a folder, but new files are durable only once their folder is. */
function fsyncFolder(path: string): void {
  const descriptor = openSync(path, 'r')
  try {
    fsyncSync(descriptor)
  } finally {
    closeSync(descriptor)
  }
}

/** PGlite swallows traps of the WASM code and would report the statement as done. */
function watchForCrashes(database: PGlite, disk: { failure: unknown }): void {
  const module = database.Module
  const runOnce = module._PostgresMainLoopOnce
  module._PostgresMainLoopOnce = () => {
    try {
      runOnce()
    } catch (error) {
      if ((error as { status?: number }).status !== SQL_ERROR_STATUS) disk.failure ??= error
      throw error
    }
  }
}

async function execute(
  database: PGlite,
  messages: Uint8Array,
  disk: { readonly failure: unknown },
): Promise<Uint8Array<ArrayBuffer>> {
  const parts: Uint8Array[] = []
  await database.execProtocolRawStream(messages, {
    syncToFs: false,
    onRawData: (data) => parts.push(data.slice()),
  })
  if (disk.failure !== null) throw disk.failure
  return concatenate(parts)
}

function concatenate(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0))
  let offset = 0
  for (const part of parts) {
    whole.set(part, offset)
    offset += part.length
  }
  return whole
}

/**
 * Makes a new database beside its folder, forces it to disk and moves it into place, so that a crash or a power cut
 * leaves either nothing or a whole database. Does nothing when there is one already.
 */
export async function prepareFolder(dataDir: string, extensions: Extensions): Promise<void> {
  if (await exists(join(dataDir, 'PG_VERSION'))) return
  const unfinished = `${dataDir}.new`
  await rm(unfinished, { recursive: true, force: true })
  await mkdir(unfinished, { recursive: true, mode: 0o700 })
  const database = await openDurable(unfinished, extensions)
  await database.close()
  await syncTree(unfinished)
  await rename(unfinished, dataDir)
  await syncPath(dirname(dataDir))
}

async function exists(path: string): Promise<boolean> {
  const found = await stat(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return null
    throw error
  })
  return found !== null
}

async function syncTree(folder: string): Promise<void> {
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name)
    if (entry.isDirectory()) await syncTree(path)
    else if (entry.isFile()) await syncPath(path)
  }
  await syncPath(folder)
}

async function syncPath(path: string): Promise<void> {
  const handle = await open(path, 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}
