import fc from 'fast-check'
import { expect, test } from 'vitest'
import { canonicalJson } from '../../src/catalog/canonical-json.ts'
import { createChunkIds } from '../../src/catalog/chunk-id.ts'
import { generateKey, parseKey } from '../../src/catalog/key-format.ts'
import { isStorable, storableText } from '../../src/catalog/storable.ts'
import { packVectors, unpackVector } from '../../src/catalog/vector-bytes.ts'
import type { DocumentId } from '../../src/core/model.ts'

const chunkIds = (document: DocumentId, hashes: readonly string[]) =>
  hashes.map(createChunkIds(document))

const document = 'd' as DocumentId
const hashes = fc.array(fc.constantFrom('a', 'b', 'c'), { maxLength: 20 })

test('ids of a document are all different, short and ASCII', () => {
  fc.assert(
    fc.property(hashes, (given) => {
      const ids = chunkIds(document, given)
      expect(new Set(ids).size).toBe(given.length)
      for (const id of ids) expect(id).toMatch(/^c[0-9a-f]{32}$/)
    }),
  )
})

test('what is put before or after with other content leaves an id as it is', () => {
  fc.assert(
    fc.property(hashes, hashes, (before, after) => {
      const [alone] = chunkIds(document, ['mine'])
      expect(chunkIds(document, [...before, 'mine', ...after])[before.length]).toBe(alone)
    }),
  )
})

test('an id depends on the document', () => {
  expect(chunkIds(document, ['a'])).not.toEqual(chunkIds('e' as DocumentId, ['a']))
})

test('canonical JSON does not depend on the order of fields', () => {
  expect(canonicalJson({ b: [{ y: 1, x: 2 }], a: null })).toBe('{"a":null,"b":[{"x":2,"y":1}]}')
})

test('storable text keeps its length and is what Postgres takes', () => {
  fc.assert(
    fc.property(
      fc.string({ unit: fc.nat(0xffff).map((unit) => String.fromCharCode(unit)) }),
      (text) => {
        const stored = storableText(text)
        expect(stored.length).toBe(text.length)
        expect(isStorable(stored)).toBe(true)
        expect(Buffer.from(stored, 'utf8').toString('utf8')).toBe(stored)
      },
    ),
  )
  expect(storableText('a😀\0b\ud83dc')).toBe('a😀\ufffdb\ufffdc')
})

test('vectors survive being packed, also out of unaligned bytes', () => {
  const vectors = [Float32Array.of(1.5, -2), Float32Array.of(3e-9, 4)]
  const packed = packVectors(vectors)
  const unaligned = new Uint8Array(17)
  unaligned.set(packed, 1)
  expect(unpackVector(unaligned.subarray(1, 9))).toEqual(vectors[0])
  expect(unpackVector(unaligned.subarray(9, 17))).toEqual(vectors[1])
})

test('a key is parsed into its parts, and any one changed character is refused', () => {
  const key = generateKey()
  expect(key.text).toMatch(/^qk_[0-9A-Za-z]{12}_[0-9A-Za-z]{49}$/)
  expect(parseKey(key.text)).toEqual({ id: key.id, secret: key.secret })
  for (let place = 0; place < key.text.length; place += 1) {
    const other = key.text[place] === 'x' ? 'y' : 'x'
    expect(parseKey(key.text.slice(0, place) + other + key.text.slice(place + 1))).toBeNull()
  }
})
