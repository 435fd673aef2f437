import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { crc32 } from 'node:zlib'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { BlockData } from '../../adapters/stores/local/blocks.ts'
import { nodeDisk } from '../../adapters/stores/local/files/disk.ts'
import { type Files, filesOn, nodeFiles } from '../../adapters/stores/local/files/files.ts'
import { blockReader } from '../../adapters/stores/local/segment/block-reader.ts'
import {
  onHeap,
  openSegment,
  type Space,
} from '../../adapters/stores/local/segment/open-segment.ts'
import { UnusableFile } from '../../adapters/stores/local/segment/unusable-file.ts'
import { type Part, writeSegment } from '../../adapters/stores/local/segment/write-segment.ts'
import { QuarryError } from '../../src/core/errors.ts'
import { seededRandom } from '../support/random.ts'

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'quarry-segment-'))
})
afterAll(() => rm(folder, { recursive: true }))

const files = nodeFiles()
const signal = new AbortController().signal
const about = { index: 'i', tenant: 't', rows: 3, quantized: false, space: null }

/** As the engine's memory is: shared, and of some offset. */
function shared(bytes: number): Space {
  const u8 = new Uint8Array(new SharedArrayBuffer(bytes + 128), 64, bytes)
  return { u8, free: () => undefined }
}

const PARTS: readonly Part[] = [
  {
    name: 'vectors',
    blocks: {
      codes: Int8Array.from({ length: 3_000 }, (_, i) => (i * 7) % 251),
      floats: Float32Array.from({ length: 2_000 }, (_, i) => i / 3),
      norms: Float64Array.of(0.1, -0, Number.POSITIVE_INFINITY),
    },
    cold: ['floats'],
  },
  {
    name: 'postings',
    blocks: {
      empty: new Uint32Array(0),
      rows: Uint32Array.from({ length: 5_000 }, (_, i) => i * i),
      lengths: Uint8Array.of(1, 2, 3),
      wide: Uint16Array.of(65_535),
      signed: Int32Array.of(-1),
    },
  },
]

const accessors = {
  Uint8Array: 'u8',
  Int8Array: 'i8',
  Uint16Array: 'u16',
  Int32Array: 'i32',
  Uint32Array: 'u32',
  Float32Array: 'f32',
  Float64Array: 'f64',
} as const

const bytesOf = ({ buffer, byteOffset, byteLength }: BlockData): Buffer =>
  Buffer.from(buffer, byteOffset, byteLength)

async function expectParts(path: string, parts: readonly Part[], allocate = shared) {
  const segment = await openSegment(files, path, allocate, {}, signal)
  for (const { name, blocks, cold = [] } of parts)
    for (const [block, data] of Object.entries(blocks)) {
      const accessor = accessors[data.constructor.name as keyof typeof accessors]
      const read = cold.includes(block)
        ? await segment.readCold(name, block, signal)
        : segment.part(name)[accessor](block)
      expect(read.constructor).toBe(data.constructor)
      expect(bytesOf(read).equals(bytesOf(data)), `${name}.${block}`).toBe(true)
      expect(segment.part(name).has(block)).toBe(!cold.includes(block))
      expect(read.byteOffset % 64).toBe(0)
    }
  return segment
}

/** Everything that a segment can be asked for. */
async function readWholly(path: string, from: Files = files): Promise<void> {
  const segment = await openSegment(from, path, onHeap, about, signal)
  for (const { name, cold = [] } of PARTS)
    for (const block of cold) await segment.readCold(name, block, signal)
}

describe('a segment file', () => {
  it('gives back what was written, in shared memory and on the heap', async () => {
    const path = join(folder, 'whole')
    const bytes = await writeSegment(files, path, about, PARTS)
    expect((await readFile(path)).byteLength).toBe(bytes)
    const segment = await expectParts(path, PARTS)
    expect(segment.about).toEqual(about)
    expect(segment.fileBytes).toBe(bytes)
    expect(segment.space.u8.byteLength).toBeLessThan(bytes - 2_000 * 4)
    await expectParts(path, PARTS, onHeap)
  })

  it('gives back any blocks', async () => {
    const path = join(folder, 'any')
    const data: fc.Arbitrary<BlockData> = fc.oneof(
      fc.uint8Array(),
      fc.int8Array(),
      fc.uint16Array(),
      fc.int32Array(),
      fc.uint32Array(),
      fc.float32Array(),
      fc.float64Array(),
    )
    const part = fc
      .tuple(
        fc.dictionary(fc.string(), data, { noNullPrototype: true }),
        fc.infiniteStream(fc.boolean()),
      )
      .map(([blocks, coins]) => ({
        blocks,
        cold: Object.keys(blocks).filter(() => coins.next().value),
      }))
    const parts = fc
      .array(part, { maxLength: 4 })
      .map((some) => some.map((one, i) => ({ ...one, name: `part ${i}` })))
    await fc.assert(
      fc.asyncProperty(parts, async (some) => {
        await writeSegment(files, path, about, some)
        await expectParts(path, some)
      }),
      { numRuns: 100 },
    )
  })

  it('checks blocks of more than one slice to the last byte', async () => {
    const path = join(folder, 'long')
    const big = new Uint8Array(9 * 2 ** 20 + 1).fill(3)
    const parts = [{ name: 'p', blocks: { big, cold: big }, cold: ['cold'] }]
    const bytes = await writeSegment(files, path, about, parts)
    await expectParts(path, parts)
    const content = await readFile(path)
    content[bytes - 64] = 4
    await writeFile(path, content)
    const segment = await openSegment(files, path, shared, {}, signal)
    await expect(segment.readCold('p', 'cold', signal)).rejects.toMatchObject({ fault: 'damaged' })
  })

  it('refuses what it has not got, by name', async () => {
    const path = join(folder, 'names')
    await writeSegment(files, path, about, PARTS)
    const segment = await openSegment(files, path, shared, about, signal)
    expect(() => segment.part('postings').u8('rows')).toThrow(
      'block postings.rows is of type u32, not u8',
    )
    expect(() => segment.part('postings').u32('none')).toThrow('not in memory')
    expect(() => segment.part('none').u32('rows')).toThrow('not in memory')
    expect(() => blockReader('p', {}).u8('toString')).toThrow(QuarryError)
    await expect(segment.readCold('postings', 'rows', signal)).rejects.toThrow('no cold block')
    const misnamed = { name: 'p', blocks: {}, cold: ['gone'] }
    expect(() => writeSegment(files, path, about, [misnamed])).toThrow('no blocks gone')
  })
})

describe('a segment file of no use', () => {
  const fault = (kind: string) => ({ name: 'UnusableFile', code: 'internal', fault: kind })

  it('is told from a missing one, one of another format and one of other content', async () => {
    const path = join(folder, 'other')
    await expect(readWholly(path)).rejects.toMatchObject(fault('missing'))
    await writeSegment(files, path, { ...about, tenant: 'u' }, PARTS)
    await expect(readWholly(path)).rejects.toMatchObject(fault('other_content'))
    await writeSegment(files, path, about, PARTS)
    const content = await readFile(path)
    content.writeUInt32LE(2, 8)
    content.writeUInt32LE(crc32(content.subarray(0, 60)), 60)
    await writeFile(path, content)
    await expect(readWholly(path)).rejects.toMatchObject(fault('other_format'))
  })

  it('is refused where its checksums hold and its directory makes no sense', async () => {
    const path = join(folder, 'senseless')
    await writeSegment(files, path, about, PARTS)
    const content = await readFile(path)
    const length = content.readUInt32LE(12)
    const json = content.toString('utf8', 64, 64 + length)
    const senseless = [
      json.replace('"count":3000', '"count":3200'),
      json.replace('"count":3000', '"count":9e15'),
      json.replace('"count":3000', '"count":-300'),
      json.replace('"cold":true', '"cold":null'),
      json.replace('"cold":false', '"cold":true '),
      json.replace('"i8"', '"i9"'),
      json.replace('{', '['),
    ]
    for (const text of senseless) {
      content.fill(' ', 64, 64 + length)
      content.write(text, 64)
      content.writeUInt32LE(crc32(content.subarray(64, 64 + length)), 24)
      content.writeUInt32LE(crc32(content.subarray(0, 60)), 60)
      await writeFile(path, content)
      await expect(readWholly(path), text).rejects.toMatchObject(fault('damaged'))
    }
  })

  it('is found out in each of 2,000 random corruptions', async () => {
    const path = join(folder, 'corrupted')
    await writeSegment(files, path, about, PARTS)
    const sound = await readFile(path)
    await readWholly(path)
    const random = seededRandom(7)
    let corruptions = 0
    for (let i = 0; i < 2_000; i++) {
      const corrupted = corrupt(sound, i, random)
      if (corrupted.equals(sound)) continue
      corruptions++
      await writeFile(path, corrupted)
      const outcome = await readWholly(path).catch((error: unknown) => error)
      expect(outcome, `corruption ${i}`).toBeInstanceOf(UnusableFile)
      expect(outcome, `corruption ${i}`).toMatchObject({ fault: 'damaged' })
    }
    expect(corruptions).toBeGreaterThan(1_900)
  })

  it('is found out for every single byte, padding too', async () => {
    const path = join(folder, 'bytewise')
    const parts = [{ name: 'p', blocks: { a: Uint8Array.of(1), c: Uint8Array.of(2) }, cold: ['c'] }]
    await writeSegment(files, path, about, parts)
    const sound = await readFile(path)
    for (let at = 0; at < sound.byteLength; at++) {
      const corrupted = Buffer.from(sound)
      corrupted[at] = (corrupted[at] ?? 0) ^ (1 << (at % 8))
      await writeFile(path, corrupted)
      const read = openSegment(files, path, onHeap, {}, signal).then((segment) =>
        segment.readCold('p', 'c', signal),
      )
      await expect(read, `byte ${at}`).rejects.toMatchObject(fault('damaged'))
    }
  })

  it('is found out when its cold part is damaged or goes after it was opened', async () => {
    const path = join(folder, 'late')
    await writeSegment(files, path, about, PARTS)
    const segment = await openSegment(files, path, shared, about, signal)
    const content = await readFile(path)
    await writeFile(path, content.subarray(0, -1))
    const read = () => segment.readCold('vectors', 'floats', signal)
    await expect(read()).rejects.toMatchObject(fault('damaged'))
    await rm(path)
    await expect(read()).rejects.toMatchObject(fault('missing'))
  })
})

/** Flips bits, cuts, swaps, appends or zeroes, one of them by `i`. */
function corrupt(sound: Buffer, i: number, random: () => number): Buffer {
  const at = () => Math.floor(random() * sound.byteLength)
  const bytes = Buffer.from(sound)
  const from = at()
  const length = 1 + Math.floor(random() * 600)
  switch (i % 6) {
    case 0: {
      bytes[from] = (bytes[from] ?? 0) ^ (1 << Math.floor(random() * 8))
      return bytes
    }
    case 1:
      return bytes.subarray(0, from)
    case 2: {
      const to = at()
      const moved = sound.subarray(from, from + length)
      bytes.set(sound.subarray(to, to + moved.byteLength), from)
      bytes.set(moved.subarray(0, sound.byteLength - to), to)
      return bytes
    }
    case 3:
      return Buffer.concat([bytes, Buffer.alloc(length, random() < 0.5 ? 0 : 0xa5)])
    case 4:
      return bytes.fill(0, from & ~511, Math.min(bytes.byteLength, from + length))
    default: {
      for (let place = from; place < from + length && place < bytes.byteLength; place++)
        bytes[place] = Math.floor(random() * 256)
      return bytes
    }
  }
}

describe('trouble that is no damage', () => {
  it('is a read that the system refuses', async () => {
    const path = join(folder, 'refused')
    await writeSegment(files, path, about, PARTS)
    for (let refused = 0; refused < 4; refused++) {
      let reads = 0
      const failing = filesOn({
        ...nodeDisk,
        open: async (name) => {
          if (refused === 0) throw Object.assign(new Error(), { code: 'EMFILE', errno: -24 })
          const file = await nodeDisk.open(name)
          const read = async (into: Uint8Array, position: number) => {
            if (++reads === refused) throw Object.assign(new Error(), { code: 'EIO', errno: -5 })
            return await file.read(into, position)
          }
          return { ...file, read }
        },
      })
      const errno = refused === 0 ? 'EMFILE' : 'EIO'
      const outcome = await readWholly(path, failing).catch((error: unknown) => error)
      expect(outcome).not.toBeInstanceOf(UnusableFile)
      expect(outcome).toMatchObject({ code: 'unavailable', details: { errno } })
    }
  })

  it('is a lack of memory', async () => {
    const path = join(folder, 'memory')
    await writeSegment(files, path, about, PARTS)
    const full = new QuarryError('unavailable', 'no room')
    const allocate = () => {
      throw full
    }
    await expect(openSegment(files, path, allocate, about, signal)).rejects.toBe(full)
  })

  it('gives its space back, once, when the file is damaged or nobody waits any more', async () => {
    const path = join(folder, 'freed')
    await writeSegment(files, path, about, PARTS)
    let allocated = 0
    let freed = 0
    const counting = (bytes: number): Space => {
      allocated++
      return { ...onHeap(bytes), free: () => void freed++ }
    }
    const reason = new Error('nobody waits')
    const aborted = openSegment(files, path, counting, about, AbortSignal.abort(reason))
    await expect(aborted).rejects.toBe(reason)
    expect([allocated, freed]).toEqual([1, 1])
    const content = await readFile(path)
    const dataFrom = 64 + content.readUInt32LE(12)
    content[dataFrom + 10] = 77
    await writeFile(path, content)
    const damaged = openSegment(files, path, counting, about, signal)
    await expect(damaged).rejects.toMatchObject({ fault: 'damaged' })
    expect([allocated, freed]).toEqual([2, 2])
  })
})
