import { createHash } from 'node:crypto'
import fc from 'fast-check'
import { expect, it } from 'vitest'
import { shippedModelPath } from '../../adapters/static-model/artefact.ts'
import { openStaticModel, type StaticModel } from '../../adapters/static-model/open-static-model.ts'
import { staticModelBytes, writeStaticModel } from '../support/static-model.ts'

const SPEC = {
  name: 'tiny',
  revision: '7',
  tokens: {
    '[UNK]': [99, 99, 99],
    a: [3, 0, 0],
    b: [0, 4, 0],
    '##c': [0, 0, -2],
    d: [-3, 0, 0],
  },
  scales: [1, 1, 1, 0.5, 1],
}

const lengthOf = (vector: Float32Array): number => Math.hypot(...vector)

/** Tokens of pseudo-random vectors: enough for every path of the sum. */
function openWide(): Promise<StaticModel> {
  const row = (seed: number) =>
    Array.from({ length: 48 }, (_, i) => (Math.imul(seed * 48 + i + 1, 2_654_435_761) >>> 24) - 128)
  const letters = [...'abcdefghijklmnopqrstuvwxyz']
  const tokens = Object.fromEntries(
    [...letters, ...letters.map((letter) => `##${letter}`)].map((token, i) => [token, row(i)]),
  )
  const scales = Object.keys(tokens).map((_, i) => 0.001 * (i + 1))
  return writeStaticModel({ tokens, scales }).then((path) => openStaticModel(path))
}

it('reads what the file says', async () => {
  const model = await openStaticModel(await writeStaticModel(SPEC))
  const { name, revision, dimensions, tokens, scales, rows } = model
  expect({ name, revision, dimensions }).toEqual({ name: 'tiny', revision: '7', dimensions: 3 })
  expect([tokens.size, tokens.idOf('##c'), tokens.unknownId]).toEqual([5, 3, 0])
  expect(Array.from(scales)).toEqual(SPEC.scales)
  expect(Array.from(rows)).toEqual(Object.values(SPEC.tokens).flat())
})

it('sums scaled rows to a unit vector, without what is unknown', async () => {
  const model = await openStaticModel(await writeStaticModel(SPEC))
  expect(Array.from(model.embed('A, b'))).toEqual([Math.fround(0.6), Math.fround(0.8), 0])
  expect(Array.from(model.embed('a zzz b'))).toEqual(Array.from(model.embed('a b')))
  expect(Array.from(model.embed('bc bc'))).toEqual(
    Array.from([0, 4, -1], (value) => Math.fround(value / Math.sqrt(17))),
  )
})

it('has a vector of length 1 for a text of which it knows nothing, and for one that cancels out', async () => {
  const model = await openStaticModel(await writeStaticModel(SPEC))
  for (const text of ['', '漢字', 'a d', '\ud83d']) {
    const vector = model.embed(text)
    expect(lengthOf(vector), text).toBeCloseTo(1, 6)
    expect(Array.from(model.embed(text)), text).toEqual(Array.from(vector))
  }
  const wide = await openWide()
  const dot = wide
    .embed('漢字')
    .reduce((sum, value, i) => sum + value * (wide.embed('漢')[i] ?? 0), 0)
  expect(Math.abs(dot)).toBeLessThan(0.6)
})

it('embeds as it did when this was written, on every platform', async () => {
  const model = await openWide()
  const hash = createHash('sha256')
  for (const text of ['a', 'the quick brown fox', 'x y z w v u t', '漢字', 'déjà vu '.repeat(300)])
    hash.update(new Uint8Array(model.embed(text).buffer))
  expect(hash.digest('hex')).toBe(VECTORS_SHA256)
})

const VECTORS_SHA256 = 'd698c438f1ccb39add7a0e5d8deb570d3fcc7927bcef41cbcff0d781b3c08031'

it('gives in slices what it gives at once', async () => {
  const model = await openWide()
  const text = 'some words of several letters '.repeat(200)
  const slices = model.embedInSlices(text)
  let pauses = 0
  for (let slice = slices.next(); ; slice = slices.next()) {
    if (slice.done === true) {
      expect(Array.from(slice.value)).toEqual(Array.from(model.embed(text)))
      break
    }
    pauses += 1
  }
  expect(pauses).toBeGreaterThan(5)
})

it('is as good as a plain sum', async () => {
  const model = await openWide()
  fc.assert(
    fc.property(fc.string({ unit: fc.constantFrom(...'abcxyz !'), maxLength: 60 }), (text) => {
      const ids = model.tokens.encode(text, 1_000).filter((id) => id !== model.tokens.unknownId)
      const sum = Array.from({ length: 48 }, (_, d) =>
        ids.reduce((all, id) => all + (model.scales[id] ?? 0) * (model.rows[id * 48 + d] ?? 0), 0),
      )
      const length = Math.hypot(...sum)
      const vector = model.embed(text)
      if (ids.length > 0)
        for (const [d, value] of sum.entries()) expect(vector[d]).toBeCloseTo(value / length, 5)
    }),
  )
})

it('ships with the package, at most 10 MB of it', async () => {
  const model = await openStaticModel(await shippedModelPath())
  expect(model.rows.byteLength + model.scales.byteLength).toBeLessThan(10_000_000)
  const dot = (a: string, b: string) => {
    const [x, y] = [model.embed(a), model.embed(b)]
    return x.reduce((sum, value, i) => sum + value * (y[i] ?? 0), 0)
  }
  expect(dot('a doctor treats the sick', 'physicians care for patients')).toBeGreaterThan(
    dot('a doctor treats the sick', 'the stock market fell sharply') + 0.15,
  )
})

const sound = staticModelBytes(SPEC)
function changed(change: (file: Buffer) => void, file = Buffer.from(sound)): Buffer {
  change(file)
  return file
}

it.each([
  ['a foreign file', Buffer.from('PK\u0003\u0004 something else'), /does not begin with QSTM/],
  ['an empty file', Buffer.alloc(0), /does not begin with QSTM/],
  ['another version', changed((file) => file.writeUint32LE(2, 4)), /has version 2.*reads 1/],
  [
    'a giant header',
    changed((file) => file.writeUint32LE(2 ** 31, 8)),
    /header of 2147483648 bytes/,
  ],
  ['a broken header', changed((file) => file.write('[', 12)), /header that cannot be read/],
  ['a header that says too little', changed((file) => file.write('xxxx', 14)), /cannot be read/],
  ['a damaged row', changed((file) => file.writeInt8(5, sound.byteLength - 64)), /is damaged/],
  ['a damaged token', changed((file) => file.write('x', 1024)), /is damaged: bytes 1024 to/],
  ['half a file', sound.subarray(0, 1100), /ends at byte 1100, before the end of its/],
  [
    'a size that does not fit',
    changed((file) => file.write('4', file.indexOf('"dimensions":3') + 13)),
    /15 bytes of rows, not 20/,
  ],
  ['a token of two lines', staticModelBytes({ tokens: { 'a\nb': [1] } }), /has 2 tokens, not 1/],
  [
    'a scale that is none',
    staticModelBytes({ tokens: { a: [1] }, scales: [Number.NaN] }),
    /scale that is not a number/,
  ],
])('refuses %s', async (_, file, message) => {
  const path = await writeStaticModel(file)
  await expect(openStaticModel(path)).rejects.toMatchObject({
    code: 'invalid_request',
    message: expect.stringMatching(message),
    details: { path },
  })
})

it('refuses a path where there is nothing', async () => {
  await expect(openStaticModel('/no/such.qstm')).rejects.toMatchObject({
    message: expect.stringMatching(/no\/such.qstm cannot be opened/),
  })
})

it('gives up when it is told to', async () => {
  const path = await writeStaticModel(SPEC)
  await expect(openStaticModel(path, AbortSignal.abort(new Error('enough')))).rejects.toThrow(
    'enough',
  )
})
