import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { crc32 } from 'node:zlib'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { addRow, emptyBitmap } from '../../adapters/stores/local/bitmap.ts'
import { nodeFiles } from '../../adapters/stores/local/files/files.ts'
import {
  type Deletes,
  readDeletes,
  writeDeletes,
} from '../../adapters/stores/local/segment/deletes.ts'
import {
  type IndexManifest,
  readIndexManifest,
  readShardManifest,
  type ShardManifest,
  writeIndexManifest,
  writeShardManifest,
} from '../../adapters/stores/local/segment/manifests.ts'
import { onHeap, openSegment } from '../../adapters/stores/local/segment/open-segment.ts'
import { UnusableFile } from '../../adapters/stores/local/segment/unusable-file.ts'
import { writeSegment } from '../../adapters/stores/local/segment/write-segment.ts'
import type { CollectionId, IndexId, TenantId } from '../../src/core/model.ts'
import { type Fault, faultyFiles } from '../support/faulty-files.ts'

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'quarry-manifests-'))
})
afterAll(() => rm(folder, { recursive: true }))

const files = nodeFiles()
const signal = new AbortController().signal

describe('deletes', () => {
  const ROWS = 70
  const deletes: fc.Arbitrary<Deletes> = fc
    .record({
      rows: fc.uniqueArray(fc.nat({ max: ROWS - 1 })),
      terms: fc.array(fc.integer({ min: 0, max: ROWS })),
      lengthTotal: fc.maxSafeNat(),
    })
    .map(({ rows, terms, lengthTotal }) => {
      const bitmap = emptyBitmap(ROWS)
      for (const row of rows) addRow(bitmap, row)
      return { rows: bitmap, documentFrequencies: Uint32Array.from(terms), lengthTotal }
    })
  const some = (): Deletes => {
    const rows = emptyBitmap(ROWS)
    addRow(rows, 69)
    return { rows, documentFrequencies: Uint32Array.of(0, 1), lengthTotal: 12 }
  }

  it('come back as they were', async () => {
    const path = join(folder, 'deletes')
    await fc.assert(
      fc.asyncProperty(deletes, async (given) => {
        const bytes = await writeDeletes(files, path, { rows: ROWS }, given)
        expect((await readFile(path)).byteLength).toBe(bytes)
        expect(await readDeletes(files, path, { rows: ROWS }, signal)).toEqual(given)
      }),
      { numRuns: 100 },
    )
  })

  it('are the deletes of so many rows and no others', async () => {
    const path = join(folder, 'deletes-of')
    await writeDeletes(files, path, { rows: ROWS }, some())
    const other = readDeletes(files, path, { rows: ROWS + 1 }, signal)
    await expect(other).rejects.toMatchObject({ fault: 'other_content' })
    for (const rows of [Uint32Array.of(0, 0, 1 << 6), emptyBitmap(ROWS + 32), emptyBitmap(1)]) {
      await writeDeletes(files, path, { rows: ROWS }, { ...some(), rows })
      const read = readDeletes(files, path, { rows: ROWS }, signal)
      await expect(read).rejects.toMatchObject({ fault: 'damaged' })
    }
    await expect(readDeletes(files, `${path}-not`, { rows: ROWS }, signal)).rejects.toMatchObject({
      fault: 'missing',
    })
  })

  it('are refused when any byte of them is wrong', async () => {
    const path = join(folder, 'deletes-wrong')
    await writeDeletes(files, path, { rows: ROWS }, some())
    const sound = await readFile(path)
    for (let at = 0; at < sound.byteLength; at++) {
      await writeFile(path, flipped(sound, at))
      await expect(readDeletes(files, path, { rows: ROWS }, signal)).rejects.toMatchObject({
        fault: 'damaged',
      })
    }
  })
})

const SHARD: ShardManifest = {
  collection: 'c ü' as CollectionId,
  index: 'i' as IndexId,
  tenant: 't' as TenantId,
  generation: 7,
  position: { xid: 2n ** 63n, seq: 9_007_199_254_740_993n },
  lost: false,
  segments: [
    { file: '1.seg', kind: 'flat', rows: 10, bytes: 4_096, deletes: null, deletedRows: 0 },
    { file: '2.seg', kind: 'hnsw', rows: 20, bytes: 8_192, deletes: '2-7.del', deletedRows: 3 },
  ],
}

const INDEX: IndexManifest = {
  ref: { collection: 'c' as CollectionId, index: 'i' as IndexId },
  spec: {
    dense: {
      dimensions: 384,
      metric: 'cosine',
      algorithm: { kind: 'hnsw', m: 16, efConstruction: 100, efSearch: 50, quantization: 'int8' },
    },
    lexical: { analyzer: 'english', k1: 1.2, b: 0.75 },
  },
  position: null,
}

describe('manifests', () => {
  it('come back as they were', async () => {
    const path = join(folder, 'manifest')
    for (const manifest of [SHARD, { ...SHARD, position: null, lost: true, segments: [] }]) {
      await writeShardManifest(files, path, manifest)
      expect(await readShardManifest(files, path)).toEqual({ state: 'read', manifest })
    }
    const algorithms = [
      { kind: 'auto' },
      { kind: 'flat' },
      { kind: 'ivf_flat', lists: 10, probes: 2 },
      { kind: 'ivf_pq', lists: 10, subvectors: 48, bits: 4, probes: 2 },
    ] as const
    const dense = (algorithm: (typeof algorithms)[number]) =>
      ({ dimensions: 2, metric: 'l2', algorithm }) as const
    const others = algorithms.map((algorithm) => ({
      ...INDEX,
      spec: { dense: dense(algorithm), lexical: null },
      position: { xid: 0n, seq: 1n },
    }))
    for (const manifest of [INDEX, ...others, { ...INDEX, spec: { ...INDEX.spec, dense: null } }]) {
      await writeIndexManifest(files, path, manifest)
      expect(await readIndexManifest(files, path)).toEqual({ state: 'read', manifest })
    }
  })

  it('are told apart: absent, damaged in any byte, cut, of another format, of another sort', async () => {
    const path = join(folder, 'manifest-wrong')
    expect(await readShardManifest(files, path)).toEqual({ state: 'absent' })
    await writeShardManifest(files, path, SHARD)
    const sound = await readFile(path)
    for (let at = 0; at < sound.byteLength; at++)
      for (const bytes of [flipped(sound, at), sound.subarray(0, at)]) {
        await writeFile(path, bytes)
        expect(await readShardManifest(files, path)).toMatchObject({ state: 'damaged' })
      }
    await writeFile(path, Buffer.concat([sound, Buffer.from('\n')]))
    expect(await readShardManifest(files, path)).toMatchObject({ state: 'damaged' })
    await writeIndexManifest(files, path, INDEX)
    expect(await readShardManifest(files, path)).toMatchObject({ state: 'damaged' })
    const crc = crc32('2\n{}').toString(16).padStart(8, '0')
    await writeFile(path, `quarry-manifest 2 ${crc}\n{}\n`)
    expect(await readShardManifest(files, path)).toEqual({ state: 'other_format', format: 2 })
    const noJson = crc32('1\n{').toString(16).padStart(8, '0')
    await writeFile(path, `quarry-manifest 1 ${noJson}\n{\n`)
    expect(await readShardManifest(files, path)).toMatchObject({ state: 'damaged' })
  })

  it('are not written where they could not be read back, or name a file elsewhere', async () => {
    const path = join(folder, 'manifest-refused')
    const [segment] = SHARD.segments
    for (const file of ['../1.seg', '/etc/passwd', '..', '.hidden', '']) {
      const segments = [{ ...segment, file }] as ShardManifest['segments']
      await expect(writeShardManifest(files, path, { ...SHARD, segments })).rejects.toThrow('wrong')
    }
    const more = { ...SHARD, more: 1 }
    await expect(writeShardManifest(files, path, more)).rejects.toMatchObject({ code: 'internal' })
    expect(await readShardManifest(files, path)).toEqual({ state: 'absent' })
  })
})

describe('a disk that fails at any one call of a seal', () => {
  const PARTS = [
    {
      name: 'p',
      blocks: { a: new Uint8Array(1_000).fill(1), b: Float32Array.of(1, 2) },
      cold: ['b'],
    },
  ]
  const deleted: Deletes = {
    rows: Uint32Array.of(5),
    documentFrequencies: Uint32Array.of(2),
    lengthTotal: 9,
  }
  const state = (generation: number): ShardManifest => ({
    ...SHARD,
    generation,
    segments: [
      {
        file: `${generation}.seg`,
        kind: 'flat',
        rows: 3,
        bytes: 0,
        deletes: `${generation}.del`,
        deletedRows: 2,
      },
    ],
  })

  /** As the shard does it: new files first, the manifest that names them last. */
  async function seal(home: string, generation: number, to = files): Promise<void> {
    const [named] = state(generation).segments
    await writeSegment(to, join(home, named?.file ?? ''), { generation }, PARTS)
    await writeDeletes(to, join(home, named?.deletes ?? ''), { rows: 3 }, deleted)
    await writeShardManifest(to, join(home, 'manifest'), state(generation))
  }

  /** The generation that a restart finds, all of whose files are sound. */
  async function restart(home: string): Promise<number> {
    const read = await readShardManifest(files, join(home, 'manifest'))
    if (read.state !== 'read') throw new Error(`the manifest is ${read.state}`)
    const { generation, segments } = read.manifest
    for (const { file, deletes } of segments) {
      const segment = await openSegment(files, join(home, file), onHeap, { generation }, signal)
      await segment.readCold('p', 'b', signal)
      expect(await readDeletes(files, join(home, deletes ?? ''), { rows: 3 }, signal)).toEqual(
        deleted,
      )
    }
    return generation
  }

  it('finds the former state or the new one whole, and the next seal succeeds', async () => {
    const calls = await callsOfASeal()
    expect(calls.length).toBeGreaterThan(20)
    for (const kind of ['ENOSPC', 'EIO', 'torn', 'short'] as const)
      for (const dies of [false, true])
        for (let at = 0; at < calls.length; at++)
          await failsSafely({ at, kind, dies }, calls.length)
  })

  async function callsOfASeal(): Promise<readonly string[]> {
    const home = await mkdtemp(join(folder, 'seal-'))
    const { files: observed, calls } = faultyFiles()
    await seal(home, 1, observed)
    expect(await restart(home)).toBe(1)
    return calls
  }

  async function failsSafely(fault: Fault, calls: number): Promise<void> {
    const home = await mkdtemp(join(folder, 'seal-'))
    await seal(home, 1)
    const failure = await seal(home, 2, faultyFiles(fault).files).then(
      () => null,
      (error: unknown) => error,
    )
    if (fault.kind === 'short') expect(failure).toBeNull()
    else expect(failure).toMatchObject({ code: 'unavailable' })
    expect(failure).not.toBeInstanceOf(UnusableFile)
    // The last call syncs the folder in which the new manifest has its name already.
    const isNew = failure === null || fault.at === calls - 1
    expect(await restart(home), JSON.stringify(fault)).toBe(isNew ? 2 : 1)
    await seal(home, 3)
    expect(await restart(home)).toBe(3)
    await rm(home, { recursive: true })
  }
})

function flipped(bytes: Buffer, at: number): Buffer {
  const copy = Buffer.from(bytes)
  copy[at] = (copy[at] ?? 0) ^ (1 << (at % 8))
  return copy
}
