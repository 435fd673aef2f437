import { copyFile, mkdtemp, open, readdir, rm, stat, truncate } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { addRow, type Bitmap, countRows, emptyBitmap } from '../../adapters/stores/local/bitmap.ts'
import type { VectorRows } from '../../adapters/stores/local/dense/dense-segment.ts'
import { nodeFiles } from '../../adapters/stores/local/files/files.ts'
import type { RowSearch } from '../../adapters/stores/local/found.ts'
import { buildHnsw } from '../../adapters/stores/local/hnsw/build-hnsw.ts'
import type { ReadVectors } from '../../adapters/stores/local/hnsw/graph.ts'
import type { GraphFile } from '../../adapters/stores/local/hnsw/graph-file.ts'
import type { HnswSegment, ScanRows } from '../../adapters/stores/local/hnsw/hnsw-segment.ts'
import { checkHnsw, type HnswSpec } from '../../adapters/stores/local/hnsw/hnsw-spec.ts'
import { loadHnswlib, loadUsearch } from '../../adapters/stores/local/hnsw/native.ts'
import { type HnswOptions, openHnsw } from '../../adapters/stores/local/hnsw/open-hnsw.ts'
import { isScanBetter } from '../../adapters/stores/local/hnsw/plan.ts'
import { QuarryError } from '../../src/core/errors.ts'
import type { Metric } from '../../src/core/vector-store.ts'
import { type Clustered, clustered, oracle, scoreOf, sequence } from '../support/hnsw-rows.ts'

const SPEC: HnswSpec = { kind: 'hnsw', m: 16, efConstruction: 100, efSearch: 40 }
const INT8: HnswSpec = { ...SPEC, quantization: 'int8' }
const signal = new AbortController().signal
const isBefore = (row: number, other: number): boolean => row < other

let folder = ''
const opened: HnswSegment[] = []

beforeAll(async () => {
  // Without the packages these tests must fail, and the message of this error is the command that installs them.
  await loadHnswlib()
  await loadUsearch()
  folder = await mkdtemp(join(tmpdir(), 'local-hnsw-'))
})
afterEach(() => {
  for (const segment of opened.splice(0)) segment.close()
})
afterAll(async () => {
  await rm(folder, { recursive: true, force: true })
})

function all(rows: number, k: number): RowSearch {
  return { k, allowed: null, allowedCount: rows, floor: Number.NEGATIVE_INFINITY, isBefore }
}

function only(allowed: Bitmap, k: number): RowSearch {
  return { ...all(0, k), allowed, allowedCount: countRows(allowed) }
}

function bitmapOf(count: number, isIn: (row: number) => boolean): Bitmap {
  const bitmap = emptyBitmap(count)
  for (let row = 0; row < count; row++) if (isIn(row)) addRow(bitmap, row)
  return bitmap
}

/** A segment over `data`, how often it was scanned, and which rows' vectors were read. */
async function openOver(data: Clustered, file: GraphFile, spec: HnswSpec) {
  const { rows } = data
  const scans: number[] = []
  const scanRows: ScanRows = async (query, search, count) => {
    scans.push(search.allowedCount)
    return rounded(rows, query, search, count)
  }
  const options = optionsOver(data, spec, scanRows)
  const read: number[] = []
  const readVectors: ReadVectors = (wanted, during) => {
    read.push(...wanted)
    return options.readVectors(wanted, during)
  }
  const segment = await openHnsw(file, { ...options, readVectors }, signal)
  opened.push(segment)
  return { segment, scans, read }
}

const STEP = 0.02

/** All allowed rows by scores rounded down to whole steps, those of a step in the order that the search wants least. */
function rounded(rows: VectorRows, query: Float32Array, search: RowSearch, count: number) {
  const best = oracle(rows, query, { ...search, k: search.allowedCount })
  const steps = best.map((row) => ({
    row,
    score: Math.floor(scoreOf(rows, query, row) / STEP) * STEP,
  }))
  steps.reverse().sort((a, b) => b.score - a.score)
  const taken = steps.slice(0, count)
  return {
    rows: taken.map(({ row }) => row),
    scoresMax: taken.map(({ score }) => score + STEP),
  }
}

function optionsOver({ rows }: Clustered, spec: HnswSpec, scanRows: ScanRows): HnswOptions {
  const { count, dimensions, metric, floats } = rows
  return {
    files: nodeFiles(),
    spec,
    rows: count,
    dimensions,
    metric,
    bytesMax: 1e9,
    scanRows,
    readVectors: async (wanted) => {
      const copy = new Float32Array(wanted.length * dimensions)
      wanted.forEach((row, i) => {
        copy.set(floats.subarray(row * dimensions, (row + 1) * dimensions), i * dimensions)
      })
      return copy
    },
  }
}

const noScan: ScanRows = async () => ({ rows: [], scoresMax: [] })

async function recall(segment: HnswSegment, data: Clustered, search: RowSearch): Promise<number> {
  let hits = 0
  let wanted = 0
  for (const query of data.queries) {
    const exact = oracle(data.rows, query, search)
    const found = await segment.search(query, search, signal)
    const rows = new Set(found.rows)
    expect(found.rows).toHaveLength(exact.length)
    expect(found.complete).toBe(true)
    hits += exact.filter((row) => rows.has(row)).length
    wanted += exact.length
  }
  return hits / wanted
}

describe.each([
  ['cosine', SPEC],
  ['dot', SPEC],
  ['l2', SPEC],
  ['cosine', INT8],
] as [Metric, HnswSpec][])('hnsw, %s, %j', (metric, spec) => {
  const data = clustered(5_000, metric)
  const { count } = data.rows
  let file: GraphFile
  beforeAll(async () => {
    const path = join(folder, `${metric}-${spec.quantization ?? 'none'}`)
    file = await buildHnsw(data.rows, spec, path, signal)
    expect(file).toMatchObject({ path, bytes: (await stat(path)).size })
  })

  it('finds the nearest rows with exact scores, best first', async () => {
    const { segment, scans } = await openOver(data, file, spec)
    expect(await recall(segment, data, all(count, 10))).toBeGreaterThanOrEqual(0.95)
    expect(await recall(segment, data, all(count, 100))).toBeGreaterThanOrEqual(0.95)
    expect(scans).toEqual([])
    for (const query of data.queries) {
      const { rows, scores } = await segment.search(query, all(count, 10), signal)
      rows.forEach((row, i) => {
        expect(scores[i]).toBeCloseTo(scoreOf(data.rows, query, row), 5)
      })
      expect(scores).toEqual([...scores].sort((a, b) => b - a))
    }
  })

  it.each([0.9, 0.7, 0.5, 0.1, 0.01, 0.001])('honours a random filter of %f', async (share) => {
    const { segment } = await openOver(data, file, spec)
    const random = sequence(3)
    const allowed = bitmapOf(count, () => random() < share)
    expect(await recall(segment, data, only(allowed, 5))).toBeGreaterThanOrEqual(0.95)
  })

  it('honours a filter that goes with the clusters', async () => {
    const { segment } = await openOver(data, file, spec)
    for (const clusters of [1, 2, 6, 11]) {
      const allowed = bitmapOf(count, (row) => (data.clusterOf[row] ?? 0) < clusters)
      expect(await recall(segment, data, only(allowed, 5))).toBeGreaterThanOrEqual(0.95)
    }
  })

  it('never answers a row that is not allowed, by the graph or by a scan', async () => {
    const { segment, scans } = await openOver(data, file, spec)
    const [query] = data.queries
    if (query === undefined) throw new Error('no query')
    const nearest = new Set((await segment.search(query, all(count, 3), signal)).rows)
    const allowed = bitmapOf(count, (row) => !nearest.has(row))
    const found = await segment.search(query, only(allowed, 10), signal)
    expect(scans).toEqual([])
    expect(found.rows.filter((row) => nearest.has(row))).toEqual([])
    const few = bitmapOf(count, (row) => row % 50 === 1)
    const scanned = await segment.search(query, only(few, 10), signal)
    expect(scans).toEqual([countRows(few)])
    expect(scanned.rows).toEqual(oracle(data.rows, query, only(few, 10)))
  })

  it('scores those of the scanned rows that may be among the best', async () => {
    const { segment, read } = await openOver(data, file, spec)
    const few = only(
      bitmapOf(count, (row) => row % 50 === 1),
      10,
    )
    for (const query of data.queries) {
      read.length = 0
      const { rows } = await segment.search(query, few, signal)
      expect(rows).toEqual(oracle(data.rows, query, few))
      if (spec !== INT8) continue
      const last = scoreOf(data.rows, query, rows.at(-1) ?? 0)
      const { rows: near, scoresMax } = rounded(data.rows, query, few, 30)
      const maybe = near.filter((_, i) => i < 10 || (scoresMax[i] ?? 0) >= last)
      expect(read.length).toBeGreaterThanOrEqual(10)
      expect(read.length).toBeLessThanOrEqual(2 * maybe.length)
      expect(new Set(read).size).toBe(read.length)
    }
  })

  it('leaves out what scores below the floor', async () => {
    const { segment } = await openOver(data, file, spec)
    for (const query of data.queries) {
      const found = await segment.search(query, all(count, 10), signal)
      const floor = found.scores[4] ?? 0
      const above = await segment.search(query, { ...all(count, 10), floor }, signal)
      expect(above.rows).toEqual(found.rows.filter((_, i) => (found.scores[i] ?? 0) >= floor))
    }
  })

  it('answers nothing where nothing is allowed, and all there is where k is larger', async () => {
    const { segment } = await openOver(data, file, spec)
    const [query = new Float32Array()] = data.queries
    const none = await segment.search(query, only(emptyBitmap(count), 10), signal)
    expect(none).toEqual({ rows: [], scores: [], complete: true })
    const few = only(
      bitmapOf(count, (row) => row === 31 || row === 32 || row === 4_999),
      10,
    )
    const found = await segment.search(query, few, signal)
    expect(found.rows).toEqual(oracle(data.rows, query, few))
    const whole = await segment.search(query, all(count, count + 1), signal)
    expect([...whole.rows].sort((a, b) => a - b)).toEqual(
      Array.from({ length: count }, (_, i) => i),
    )
  })

  it('refuses a file with any byte changed, cut or added, before native code sees it', async () => {
    const random = sequence(11)
    for (let round = 0; round < 40; round++) {
      const path = join(folder, 'damaged')
      await copyFile(file.path, path)
      const handle = await open(path, 'r+')
      const at = Math.floor(random() * file.bytes)
      const byte = Buffer.alloc(1)
      await handle.read(byte, 0, 1, at)
      byte[0] = (byte[0] ?? 0) ^ (1 + Math.floor(random() * 255))
      await handle.write(byte, 0, 1, at)
      await handle.close()
      if (round % 4 === 1) await truncate(path, at)
      if (round % 4 === 2) await truncate(path, file.bytes + 1)
      const damaged = { ...file, path }
      await expect(
        openHnsw(damaged, optionsOver(data, spec, noScan), signal),
      ).rejects.toMatchObject({ name: 'UnusableFile', fault: 'damaged' })
    }
    const missing = { ...file, path: join(folder, 'missing') }
    await expect(openHnsw(missing, optionsOver(data, spec, noScan), signal)).rejects.toMatchObject({
      fault: 'missing',
    })
  })

  it('refuses a sound file of another number of rows, and what does not fit in memory', async () => {
    const options = optionsOver(data, spec, noScan)
    await expect(openHnsw(file, { ...options, rows: count - 1 }, signal)).rejects.toMatchObject({
      fault: 'other_content',
    })
    await expect(openHnsw(file, { ...options, bytesMax: 1_000 }, signal)).rejects.toMatchObject({
      code: 'unavailable',
      message: expect.stringContaining('1000 are left'),
    })
  })

  it('refuses to search once closed, and closing twice is nothing', async () => {
    const { segment } = await openOver(data, file, spec)
    const other = await openOver(data, file, spec)
    segment.close()
    segment.close()
    const [query = new Float32Array()] = data.queries
    await expect(segment.search(query, all(count, 1), signal)).rejects.toMatchObject({
      code: 'internal',
    })
    expect((await other.segment.search(query, all(count, 1), signal)).rows).toHaveLength(1)
  })

  it('leaves no file behind when it is stopped', async () => {
    const path = join(folder, 'stopped')
    const stop = new AbortController()
    const building = buildHnsw(data.rows, spec, path, stop.signal)
    setImmediate(() => stop.abort(new Error('stopped by the test')))
    await expect(building).rejects.toThrow('stopped by the test')
    expect(await readdir(folder)).not.toContain('stopped')
  })

  it('gives equal scores in the order of isBefore, at the cut too', async () => {
    const few = clustered(2_200, metric, 5)
    const { dimensions, floats } = few.rows
    for (let copy = 1; copy < 60; copy++) floats.copyWithin(copy * dimensions * 30, 0, dimensions)
    const twins = Array.from({ length: 60 }, (_, copy) => copy * 30)
    const path = join(folder, `twins-${metric}-${spec.quantization ?? 'none'}`)
    const { segment } = await openOver(few, await buildHnsw(few.rows, spec, path, signal), spec)
    const query = floats.slice(0, dimensions)
    const search = { ...all(few.rows.count, 4), isBefore: (a: number, b: number) => a > b }
    const found = await segment.search(query, search, signal)
    for (const row of found.rows) expect(twins).toContain(row)
    expect(found.rows).toEqual([...found.rows].sort((a, b) => b - a))
  })
})

it('keeps its recall when half of the rows are replaced ten times', async () => {
  let data = clustered(3_000, 'cosine', 1)
  const spec = { ...SPEC, efSearch: 24 }
  for (let round = 0; round < 10; round++) {
    const path = join(folder, `round-${round}`)
    const { segment } = await openOver(data, await buildHnsw(data.rows, spec, path, signal), spec)
    // Nearly a third of the rows die before a merge writes the living and the new ones anew.
    const random = sequence(round + 100)
    const live = bitmapOf(3_000, () => random() < 0.7)
    expect(await recall(segment, data, only(live, 5))).toBeGreaterThanOrEqual(0.95)
    const fresh = clustered(3_000, 'cosine', round + 2)
    const floats = data.rows.floats.slice()
    floats.set(fresh.rows.floats.subarray(0, floats.length / 2), (round % 2) * (floats.length / 2))
    data = { ...fresh, rows: { ...fresh.rows, floats } }
  }
})

it('scans few rows and searches the graph among many', () => {
  expect(isScanBetter(1_280, 192, 10_000)).toBe(true)
  expect(isScanBetter(384, 192, 50_000)).toBe(false)
  expect(isScanBetter(100_000, 192, 10_000_000)).toBe(true)
  expect(isScanBetter(2_000, 2_000, 1_000_000)).toBe(false)
})

it('refuses what it cannot do when an index is made', () => {
  const dense = (metric: Metric, algorithm: HnswSpec) => () =>
    checkHnsw({ dimensions: 4, metric, algorithm })
  expect(dense('cosine', INT8)).not.toThrow()
  expect(dense('l2', SPEC)).not.toThrow()
  expect(dense('l2', INT8)).toThrow(expect.objectContaining({ code: 'unsupported' }))
  expect(dense('dot', INT8)).toThrow(expect.objectContaining({ code: 'unsupported' }))
  expect(dense('l2', { ...SPEC, m: 1 })).toThrow('m must be an integer from 2 to 256, not 1')
  expect(dense('l2', { ...SPEC, efSearch: 0.5 })).toThrow('ef_search')
})

it('says what to install where a package is missing or exports something else', async () => {
  const absent: string = 'a-package-that-is-not-installed'
  const refused = await loadHnswlib(() => import(absent)).catch((error: unknown) => error)
  expect(refused).toBeInstanceOf(QuarryError)
  expect(refused).toMatchObject({
    code: 'unsupported',
    message: expect.stringContaining('npm install hnswlib-node@'),
    cause: expect.any(Error),
  })
  await expect(loadUsearch(() => import('node:path'))).rejects.toMatchObject({
    code: 'unsupported',
    message: expect.stringContaining('npm install usearch@'),
  })
})
