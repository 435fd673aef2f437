import { type FileHandle, mkdir, open, readdir, rename, rm } from 'node:fs/promises'

/** The calls of the operating system that the engine makes. They fail as Node's do, with an errno in `code`. */
export interface Disk {
  /** Empties the file if it is there. */
  create(path: string): Promise<DiskFile>
  open(path: string): Promise<DiskFile>
  rename(path: string, to: string): Promise<void>
  /** Folders with all they hold; succeeds where nothing is there. */
  remove(path: string): Promise<void>
  /** With those above it. Answers the topmost that had to be made, `undefined` where all were there. */
  makeFolder(path: string): Promise<string | undefined>
  /** Makes the names in a folder last. */
  syncFolder(path: string): Promise<void>
  list(folder: string): Promise<string[]>
}

export interface DiskFile {
  /** At the end of what was written so far. Answers how many bytes were taken, which may be fewer. */
  write(bytes: Uint8Array): Promise<number>
  /** Answers how many bytes were read: fewer at the end of the file, or because the system felt like it. */
  read(into: Uint8Array, position: number): Promise<number>
  size(): Promise<number>
  sync(): Promise<void>
  close(): Promise<void>
}

export const nodeDisk: Disk = {
  create: async (path) => diskFile(await open(path, 'w')),
  open: async (path) => diskFile(await open(path, 'r')),
  rename,
  remove: (path) => rm(path, { recursive: true, force: true }),
  makeFolder: (path) => mkdir(path, { recursive: true }),
  syncFolder: async (path) => {
    const folder = await open(path, 'r')
    try {
      await folder.sync()
    } finally {
      await folder.close()
    }
  },
  list: (folder) => readdir(folder),
}

function diskFile(handle: FileHandle): DiskFile {
  return {
    write: async (bytes) => (await handle.write(bytes)).bytesWritten,
    read: async (into, position) =>
      (await handle.read(into, 0, into.byteLength, position)).bytesRead,
    size: async () => (await handle.stat()).size,
    sync: () => handle.sync(),
    close: () => handle.close(),
  }
}
