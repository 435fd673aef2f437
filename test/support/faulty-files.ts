import { type Disk, type DiskFile, nodeDisk } from '../../adapters/stores/local/files/disk.ts'
import { type Files, filesOn } from '../../adapters/stores/local/files/files.ts'

export interface Fault {
  /** Which of the calls that change something goes wrong, counted from 0. */
  readonly at: number
  /**
   * The call fails; or a write takes half of its bytes, and then fails (`torn`) or says so (`short`). Of the last two,
   * other calls than writes fail as with ENOSPC (`torn`) or do as they are asked (`short`).
   */
  readonly kind: 'ENOSPC' | 'EIO' | 'torn' | 'short'
  /** Nothing gets through afterwards, as if the process had been killed there. */
  readonly dies?: boolean
  /** What others do while that call is under way. */
  readonly meanwhile?: (path: string) => Promise<void>
}

export interface FaultyFiles {
  readonly files: Files
  /** The calls that change something, in order: their name and the last part of the path. */
  readonly calls: readonly string[]
}

/** The real files, on a disk on which one call goes wrong. */
export function faultyFiles(fault: Fault | null = null, disk: Disk = nodeDisk): FaultyFiles {
  const calls: string[] = []
  let isDead = false
  const alive = <T>(call: () => Promise<T>): Promise<T> =>
    isDead ? Promise.reject(refusal('EIO')) : call()
  const change = <T>(what: string, path: string, call: () => Promise<T>): Promise<T> =>
    alive(async () => {
      const number = calls.push(`${what} ${path.split('/').at(-1)}`) - 1
      if (number !== fault?.at || fault.kind === 'short') return await call()
      await fault.meanwhile?.(path)
      isDead = fault.dies === true
      throw refusal(fault.kind === 'EIO' ? 'EIO' : 'ENOSPC')
    })
  const write = (file: DiskFile, path: string, bytes: Uint8Array): Promise<number> => {
    const isHalved = calls.length === fault?.at && (fault.kind === 'torn' || fault.kind === 'short')
    const taken = isHalved ? bytes.subarray(0, Math.ceil(bytes.byteLength / 2)) : bytes
    return alive(async () => {
      if (isHalved && fault.kind === 'torn') await file.write(taken)
      return await change('write', path, () => file.write(taken))
    })
  }
  const faultyFile = (file: DiskFile, path: string): DiskFile => ({
    write: (bytes) => write(file, path, bytes),
    read: (into, position) => alive(() => file.read(into, position)),
    size: () => alive(() => file.size()),
    sync: () => change('sync', path, () => file.sync()),
    close: async () => {
      await file.close()
      await change('close', path, async () => undefined)
    },
  })
  const files = filesOn({
    create: (path) => change('create', path, async () => faultyFile(await disk.create(path), path)),
    open: (path) => alive(() => disk.open(path)),
    rename: (path, to) => change('rename', path, () => disk.rename(path, to)),
    remove: (path) => change('remove', path, () => disk.remove(path)),
    makeFolder: (path) => change('make', path, () => disk.makeFolder(path)),
    syncFolder: (path) => change('sync', path, () => disk.syncFolder(path)),
    list: (folder) => alive(() => disk.list(folder)),
  })
  return { files, calls }
}

function refusal(code: 'ENOSPC' | 'EIO'): Error {
  const errno = code === 'EIO' ? -5 : -28
  return Object.assign(new Error(`${code}: as the test wants it`), { code, errno })
}
