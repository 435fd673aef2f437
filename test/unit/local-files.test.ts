import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { nodeDisk } from '../../adapters/stores/local/files/disk.ts'
import { filesOn, nodeFiles } from '../../adapters/stores/local/files/files.ts'
import { type Fault, faultyFiles } from '../support/faulty-files.ts'

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'quarry-files-'))
})
afterAll(() => rm(folder, { recursive: true }))

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text)
const files = nodeFiles()

describe('writing durably', () => {
  it('writes pieces one behind another, also as they come and from shared memory', async () => {
    const path = join(folder, 'pieces')
    const shared = new Uint8Array(new SharedArrayBuffer(8), 2, 3)
    shared.set(bytes('abc'))
    expect(await files.writeDurably(path, [shared, bytes(''), bytes('de')])).toBe(5)
    expect(await readFile(path, 'utf8')).toBe('abcde')
    async function* slowly() {
      yield bytes('x')
      await Promise.resolve()
      yield bytes('yz')
    }
    expect(await files.writeDurably(path, slowly())).toBe(3)
    expect(await readFile(path, 'utf8')).toBe('xyz')
  })

  it('syncs the file before it gets its name, and the folder after', async () => {
    const { files: observed, calls } = faultyFiles()
    await mkdir(join(folder, 'order'))
    await observed.writeDurably(join(folder, 'order', 'f'), [bytes('a'), bytes('b')])
    expect(calls).toEqual([
      'create f.tmp',
      'write f.tmp',
      'write f.tmp',
      'sync f.tmp',
      'close f.tmp',
      'rename f.tmp',
      'sync order',
    ])
  })

  it('leaves the old file or the whole new one, whichever call fails, and no other', async () => {
    const kinds = ['ENOSPC', 'EIO', 'torn', 'short'] as const
    let failures = 0
    for (const kind of kinds)
      for (const dies of [false, true])
        for (let at = 0; at < 7; at++) failures += await failsCleanly({ at, kind, dies })
    // Three kinds of fault at seven calls, twice; short writes are carried on with.
    expect(failures).toBe(42)
  })

  async function failsCleanly(fault: Fault): Promise<number> {
    const home = await mkdtemp(join(folder, 'sweep-'))
    const path = join(home, 'f')
    await writeFile(path, 'former content')
    const { files: faulty, calls } = faultyFiles(fault)
    const outcome = await faulty.writeDurably(path, [bytes('new '), bytes('content!')]).then(
      () => null,
      (error: unknown) => error,
    )
    const isLastSync = calls[fault.at]?.startsWith('sync sweep-')
    const isNew = outcome === null || isLastSync
    expect(await readFile(path, 'utf8')).toBe(isNew ? 'new content!' : 'former content')
    if (fault.dies !== true) expect(await readdir(home)).toEqual(['f'])
    if (outcome === null) return 0
    const errno = fault.kind === 'EIO' ? 'EIO' : 'ENOSPC'
    expect(outcome).toMatchObject({ code: 'unavailable', details: { errno, path } })
    return 1
  }

  it('hands on what the pieces throw, and keeps the file', async () => {
    const path = join(folder, 'thrown')
    await files.writeDurably(path, [bytes('kept')])
    function* failing() {
      yield bytes('half')
      throw new Error('no more')
    }
    await expect(files.writeDurably(path, failing())).rejects.toThrow('no more')
    expect(await readFile(path, 'utf8')).toBe('kept')
    expect(await readdir(folder)).not.toContain('thrown.tmp')
  })

  it('gives up on a disk that takes nothing', async () => {
    const full = filesOn({
      ...nodeDisk,
      create: async (path) => ({ ...(await nodeDisk.create(path)), write: async () => 0 }),
    })
    const written = full.writeDurably(join(folder, 'full'), [bytes('a')])
    await expect(written).rejects.toMatchObject({ code: 'unavailable' })
  })
})

describe('reading', () => {
  it('says null or nothing of what is not there, and removes it too', async () => {
    const absent = join(folder, 'absent')
    expect(await files.read(absent)).toBeNull()
    expect(await files.open(absent)).toBeNull()
    expect(await files.list(absent)).toEqual([])
    await files.remove(absent)
    await files.remove(join(absent, 'deeper'))
  })

  it('fills what it is given, however little the system reads at once', async () => {
    await writeFile(join(folder, 'read'), 'abcdef')
    const sipping = filesOn({
      ...nodeDisk,
      open: async (path) => {
        const file = await nodeDisk.open(path)
        return { ...file, read: (into, position) => file.read(into.subarray(0, 1), position) }
      },
    })
    const opened = await sipping.open(join(folder, 'read'))
    const into = new Uint8Array(4)
    expect(opened?.bytes).toBe(6)
    expect(await opened?.read(into, 1)).toBe(4)
    expect(Buffer.from(into).toString()).toBe('bcde')
    expect(await opened?.read(into, 4)).toBe(2)
    await opened?.close()
    expect(Buffer.from((await sipping.read(join(folder, 'read'))) ?? []).toString()).toBe('abcdef')
  })

  it('tells trouble with the system from absence', async () => {
    const trouble = { code: 'unavailable', retryable: true, details: { errno: 'EISDIR' } }
    await expect(files.read(folder)).rejects.toMatchObject(trouble)
    await writeFile(join(folder, 'file'), '')
    await expect(files.list(join(folder, 'file'))).rejects.toMatchObject({
      code: 'unavailable',
      details: { errno: 'ENOTDIR' },
    })
  })
})

describe('folders', () => {
  it('are made with those above them, each synced into the one that holds it', async () => {
    const { files: observed, calls } = faultyFiles()
    const path = join(folder, 'one', 'two', 'three')
    await observed.makeFolder(path)
    expect(calls).toEqual([
      'make three',
      'sync two',
      'sync one',
      `sync ${folder.split('/').at(-1)}`,
    ])
    await observed.makeFolder(path)
    expect(calls.slice(4)).toEqual(['make three', 'sync two'])
  })

  it('list in order, take renames and go with all they hold', async () => {
    const home = join(folder, 'home')
    await files.makeFolder(home)
    for (const name of ['b', 'c', 'a']) await files.writeDurably(join(home, name), [])
    await files.rename(join(home, 'a'), join(home, 'd'))
    expect(await files.list(home)).toEqual(['b', 'c', 'd'])
    await files.remove(home)
    expect(await readdir(folder)).not.toContain('home')
  })
})
