import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { openWordPiece } from '../../adapters/wordpiece/open-word-piece.ts'

/** Made by tools/wordpiece-fixture with Hugging Face's tokenizers. */
const fixture = JSON.parse(
  readFileSync(new URL('../fixtures/wordpiece/fixture.json', import.meta.url), 'utf8'),
) as {
  vocabulary: string[]
  texts: string[]
  casings: { lowercase: boolean; strip_accents: boolean; ids: number[][] }[]
}

const VOCABULARY = ['[UNK]', 'un', '##aff', '##able', 'a', '##a', '!', '漢', 'cafe', '<', 'σας']
const small = openWordPiece(VOCABULARY)
const tokens = (text: string, wordPiece = small): string[] =>
  Array.from(wordPiece.encode(text, 1_000_000), (id) => VOCABULARY[id] ?? '')

describe('equals Hugging Face', () => {
  for (const { lowercase, strip_accents: stripAccents, ids } of fixture.casings)
    it(`lowercase ${lowercase}, strip accents ${stripAccents}`, () => {
      const wordPiece = openWordPiece(fixture.vocabulary, { lowercase, stripAccents })
      expect(ids.length).toBeGreaterThan(180)
      expect(ids.flat().filter((id) => id !== 0).length).toBeGreaterThan(2_000)
      for (const [i, text] of fixture.texts.entries())
        expect(Array.from(wordPiece.encode(text, 1_000_000)), JSON.stringify(text)).toEqual(ids[i])
    })
})

it('takes the longest piece first, and a word it cannot spell as unknown', () => {
  expect(tokens('Unaffable!')).toEqual(['un', '##aff', '##able', '!'])
  expect(tokens('unaffablex a')).toEqual(['[UNK]', 'a'])
  expect(tokens('')).toEqual([])
  expect([small.idOf('##aff'), small.idOf('x'), small.size, small.unknownId]).toEqual([
    2,
    undefined,
    VOCABULARY.length,
    0,
  ])
})

it('has an id for what is unknown without a token for it', () => {
  const wordPiece = openWordPiece(['a'])
  expect(wordPiece.unknownId).toBe(-1)
  expect(Array.from(wordPiece.encode('a b a', 10))).toEqual([0, -1, 0])
})

it('splits at ideographs, punctuation and what decomposes into it', () => {
  expect(tokens('a漢a!a')).toEqual(['a', '漢', 'a', '!', 'a'])
  expect(tokens('a\u226ea')).toEqual(['a', '<', 'a'])
})

it('drops control characters and lone surrogates within a word', () => {
  expect(tokens('c\u0000a\u200bfe\u0301')).toEqual(['cafe'])
  expect(tokens('ca\ud83dfe \udc00 a\ud83d')).toEqual(['cafe', 'a'])
})

it('lowers a final sigma like any other, as the model was trained', () => {
  expect(tokens('ΣΑΣ')).toEqual(['[UNK]'])
  expect(tokens('ΣΑς')).toEqual(['σας'])
})

it('counts a word by code points after normalisation', () => {
  expect(tokens('a'.repeat(100))).toHaveLength(100)
  expect(tokens('a'.repeat(101))).toEqual(['[UNK]'])
  expect(tokens('a\u0301'.repeat(100))).toHaveLength(100)
  expect(tokens('aaa', openWordPiece(VOCABULARY, { wordCharsMax: 2 }))).toEqual(['[UNK]'])
})

it('cuts at the most tokens asked for', () => {
  expect(Array.from(small.encode('unaffable a', 2))).toEqual([1, 2])
  expect(Array.from(small.encode('unaffable', 0))).toEqual([])
})

it('gives the same ids in slices, whatever their size', () => {
  fc.assert(
    fc.property(
      fc.string({
        unit: fc.constantFrom('a', ' ', 'é', '!', '漢', '\ud83d', '\ude00'),
        maxLength: 200,
      }),
      fc.integer({ min: 8, max: 20 }),
      (text, room) => {
        const wordPiece = openWordPiece(VOCABULARY, { wordCharsMax: 8 })
        const ids = new Int32Array(room)
        const found: number[] = []
        for (let at = 0; at < text.length; ) {
          const { count, next } = wordPiece.fill(text, at, ids)
          expect(next).toBeGreaterThan(at)
          found.push(...ids.subarray(0, count))
          at = next
        }
        expect(found).toEqual(Array.from(wordPiece.encode(text, 1_000_000)))
      },
    ),
  )
})

it('grows beyond one id a code unit', () => {
  const jamo = openWordPiece(['[UNK]', '\u1100', '\u1161', '\u11a8', '##\u1161', '##\u11a8'])
  expect(Array.from(jamo.encode('각 '.repeat(500), 1_000_000))).toEqual(
    Array.from({ length: 500 }, () => [1, 4, 5]).flat(),
  )
})

it.each([
  ['no space', 'a'.repeat(1_000_000), 1],
  ['only punctuation', '!'.repeat(1_000_000), 1_000_000],
  ['only marks', '\u0301'.repeat(1_000_000), 0],
  ['long words', `${'a'.repeat(100)} `.repeat(5_000), 500_000],
])('tokenises a long text with %s', (_, text, count) => {
  expect(small.encode(text, 10_000_000)).toHaveLength(count)
})
