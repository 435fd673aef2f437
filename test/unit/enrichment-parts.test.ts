import { describe, expect, it } from 'vitest'
import { refuseWhatNeedsMigration } from '../../src/catalog/new-collection.ts'
import { type CollectionPolicy, collectionPolicySchema } from '../../src/catalog/policy.ts'
import { QuarryError } from '../../src/core/errors.ts'
import { chunkerFingerprint } from '../../src/ingest/chunk/chunk-document.ts'
import type { ChunkDraft } from '../../src/ingest/document.ts'
import { chunkingFingerprint, enrichmentOf } from '../../src/ingest/enrich/enrichment.ts'
import { sectionsOf } from '../../src/ingest/enrich/sections.ts'
import { generatorOf } from '../support/retrieval.ts'

const writer = generatorOf('x')
const second = generatorOf('x', { profile: { ...writer.profile, revision: '2' } })
const policy = (enrichment: object | null): CollectionPolicy =>
  collectionPolicySchema.parse({ embedder: 'small', enrichment })
const fingerprint = (enrichment: object | null, generator = writer) => {
  const given = policy(enrichment)
  return chunkingFingerprint(given, enrichmentOf(given, new Map([['writer', generator]])))
}

describe('the fingerprint of chunks', () => {
  const base = fingerprint({ generator: 'writer' })
  it('is the chunker’s alone without enrichment, so that collections made before keep theirs', () => {
    expect(fingerprint(null)).toBe(chunkerFingerprint(policy(null).chunker))
  })
  it('differs by all that decides what is written', () => {
    const all = [
      fingerprint(null),
      base,
      fingerprint({ generator: 'writer' }, second),
      fingerprint({ generator: 'writer', tokensMax: 99 }),
      fingerprint({ generator: 'writer', documentTokensMax: 9_999 }),
    ]
    expect(new Set(all).size).toBe(all.length)
  })
  it('does not differ by what becomes of failures', () => {
    expect(fingerprint({ generator: 'writer', onFailure: 'plain' })).toBe(base)
  })
  it('needs the generator', () => {
    expect(() => enrichmentOf(policy({ generator: 'gone' }), new Map())).toThrow('"gone"')
  })
})

describe('a policy in force', () => {
  const before = policy({ generator: 'writer' })
  const change = (enrichment: object | null) => () =>
    refuseWhatNeedsMigration(before, policy(enrichment))
  it('takes another way with failures, and nothing else of enrichment', () => {
    expect(change({ generator: 'writer', onFailure: 'plain' })).not.toThrow()
    expect(change({ generator: 'writer', tokensMax: 50 })).toThrow(QuarryError)
    expect(change(null)).toThrow('"enrichment"')
  })
})

describe('the sections of a document', () => {
  const chunksOf = (text: string, spans: readonly (readonly [number, number, number])[]) =>
    spans.map(
      ([start, end, tokens], ordinal): ChunkDraft => ({
        ordinal,
        span: { start, end },
        text: text.slice(start, end),
        context: '',
        headings: [],
        page: null,
        tokens,
      }),
    )
  const texts = (...given: Parameters<typeof chunksOf>) =>
    sectionsOf(chunksOf(...given), 10).map((section) => section.text)

  it('are one where it fits, with white space for what no chunk covers', () => {
    expect(
      texts('abc   def', [
        [0, 3, 5],
        [6, 9, 5],
      ]),
    ).toEqual(['abc\n\ndef'])
  })
  it('show an overlap once', () => {
    expect(
      texts('abcdefgh', [
        [0, 4, 3],
        [2, 6, 3],
        [3, 5, 1],
        [6, 8, 3],
      ]),
    ).toEqual(['abcdefgh'])
  })
  it('hold whole chunks, and one that is too long alone', () => {
    expect(
      texts('abcdef', [
        [0, 1, 6],
        [1, 2, 6],
        [2, 3, 99],
        [3, 5, 9],
        [5, 6, 1],
      ]),
    ).toEqual(['a', 'b', 'c', 'def'])
  })
  it('are none of nothing', () => {
    expect(sectionsOf([], 10)).toEqual([])
  })
})
