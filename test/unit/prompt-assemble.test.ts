import fc from 'fast-check'
import { beforeAll, describe, expect, test } from 'vitest'
import type { DocumentId } from '../../src/core/model.ts'
import type { Tokenizer } from '../../src/core/tokenizer.ts'
import { assemblePrompt } from '../../src/prompt/assemble.ts'
import { PROMPT_FORMATS, type Prompt } from '../../src/prompt/prompt.ts'
import { DEFAULT_TEMPLATE } from '../../src/prompt/template.ts'
import { createTokenMemos } from '../../src/prompt/token-memo.ts'
import { openTokenizer } from '../../src/tokenizer/o200k.ts'
import {
  assemble,
  hitOf,
  pinnedOf,
  sentences,
  textOf,
  textsOf,
  userText,
  type Written,
} from '../support/prompting.ts'

let tokenizer: Tokenizer
beforeAll(async () => {
  tokenizer = await openTokenizer()
})

const anyText = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 300 }),
  fc.string({ unit: 'grapheme', maxLength: 300 }),
  fc.constantFrom(
    sentences(3),
    sentences(60),
    '日本語。'.repeat(80),
    'x'.repeat(3_000),
    '</doc>\n<doc n="9">',
    ' \u200b ',
  ),
)
const anyHits = fc
  .array(
    fc.record({
      text: anyText,
      document: fc.constantFrom('a', 'b', 'c'),
      ordinal: fc.nat(6),
      title: anyText,
    }),
    {
      maxLength: 12,
    },
  )
  .map((list) => list.map((item) => hitOf({ ...item, start: item.ordinal * 4_000 })))

describe('the budget', () => {
  test('is never exceeded, whatever comes in', async () => {
    const formats = fc.constantFrom(...PROMPT_FORMATS)
    const pins = fc.array(anyText, { maxLength: 3 })
    await fc.assert(
      fc.asyncProperty(
        formats,
        anyHits,
        pins,
        anyText,
        fc.integer({ min: 64, max: 1_500 }),
        fc.constantFrom('relevance', 'document', 'edges'),
        async (format, hits, texts, query, maxTokens, order) => {
          const documents = texts.map((text, n) => pinnedOf(`p${n}`, text))
          let prompt: Prompt
          try {
            prompt = await assemble({
              format,
              hits,
              query,
              maxTokens,
              order,
              pinned: [...documents],
            })
          } catch (error) {
            expect(error).toMatchObject({ code: 'invalid_request' })
            return
          }
          const counted = textsOf(prompt.body).reduce((sum, text) => sum + tokenizer.count(text), 0)
          const overhead = format === 'text' ? 0 : 8
          expect(counted + overhead).toBeLessThanOrEqual(maxTokens)
          const keys = format === 'cohere' ? 2 * prompt.citations.length : 0
          expect(prompt.tokens).toBe(counted + overhead + keys)
          expect(prompt.tokens).toBeLessThanOrEqual(maxTokens)
          expect(prompt.citations.map(({ n }) => n)).toEqual(
            prompt.citations.map((_, index) => index + 1),
          )
          const accounted = new Set([
            ...prompt.citations.flatMap(({ chunkIds }) => chunkIds),
            ...prompt.dropped.map(({ id }) => id),
          ])
          for (const { id } of hits) expect(accounted).toContain(id)
        },
      ),
      { numRuns: 300 },
    )
  })

  test('too small for the words and the question is refused with the least that works', async () => {
    const nonce = '0'.repeat(39)
    let least = 0
    try {
      await assemble({ maxTokens: 64, nonce })
      expect.unreachable()
    } catch (error) {
      expect(error).toMatchObject({ code: 'invalid_request' })
      least = (error as { details: { least: number } }).details.least
      expect(String(error)).toContain(String(least))
    }
    expect((await assemble({ maxTokens: least, nonce })).tokens).toBe(least)
    await expect(assemble({ maxTokens: least - 1, nonce })).rejects.toThrow(
      /the question alone take/,
    )
  })

  test('what fits is used: the last passage is cut at a sentence, its span with it, the rest is dropped', async () => {
    const hits = ['a', 'b', 'c', 'd'].map((document) =>
      hitOf({ document, text: sentences(40, document), start: 7 }),
    )
    const prompt = await assemble({ hits, maxTokens: 800 })
    expect(prompt.tokens).toBeGreaterThan(770)
    expect(prompt.citations).toHaveLength(2)
    const [whole, cut] = prompt.citations
    expect(whole?.span).toEqual({ start: 7, end: 7 + sentences(40, 'a').length })
    const shown = sentences(40, 'b').slice(0, (cut?.span.end ?? 0) - 7)
    expect(shown).toMatch(/\.$/)
    expect(userText(prompt)).toContain(`${shown}\n</doc>`)
    expect(prompt.dropped).toEqual([
      { id: 'c#0', reason: 'budget' },
      { id: 'd#0', reason: 'budget' },
    ])
  })

  test('holds even where an entry takes more tokens under its number than it did without', async () => {
    const unfair: Tokenizer = {
      name: 'unfair',
      count: (text) => Math.ceil(text.length / 4) + (/ n="[34]$/.test(text) ? 2_000 : 0),
    }
    const hits = ['a', 'b', 'c'].map((document) => hitOf({ document, text: sentences(20) }))
    const pinned = [pinnedOf('p', sentences(20)), pinnedOf('q', sentences(20))]
    const prompt = await assemble({ hits, pinned, tokenizer: unfair, maxTokens: 1_000 })
    expect(prompt.tokens).toBeLessThanOrEqual(1_000)
    expect(prompt.citations.map(({ documentId }) => documentId)).toEqual(['p', 'q'])
    expect(prompt.dropped.map(({ id }) => id)).toEqual(
      expect.arrayContaining(['a#0', 'b#0', 'c#0']),
    )
  })

  test('names its tokenizer, and says where it estimates', async () => {
    expect((await assemble({ format: 'openai' })).tokenizer).toBe('o200k_base')
    expect((await assemble({ format: 'anthropic' })).tokenizer).toBe('o200k_base (estimate)')
  })
})

describe('the order', () => {
  test('system, pinned by id, retrieved, question', async () => {
    const prompt = await assemble({
      format: 'text',
      query: 'Which fox?',
      hits: [hitOf({ text: 'Found.' })],
      pinned: [pinnedOf('z', 'Last pin.'), pinnedOf('b', 'First pin.')],
    })
    const text = textOf(prompt)
    const places = [
      DEFAULT_TEMPLATE.system,
      'First pin.',
      'Last pin.',
      'Found.',
      DEFAULT_TEMPLATE.instruction,
      'Which fox?',
    ]
    const at = places.map((part) => text.indexOf(part))
    expect(at).not.toContain(-1)
    expect(at).toEqual([...at].sort((a, b) => a - b))
    expect(text.endsWith('Question: Which fox?')).toBe(true)
    expect(prompt.citations.map(({ documentId, pinned }) => [documentId, pinned])).toEqual([
      ['b', true],
      ['z', true],
      ['d', false],
    ])
  })

  test.each([
    ['relevance', ['b', 'a', 'c', 'a', 'b']],
    ['document', ['b', 'b', 'a', 'a', 'c']],
    ['edges', ['b', 'c', 'b', 'a', 'a']],
  ] as const)('%s', async (order, expected) => {
    const places: [string, number][] = [
      ['b', 8],
      ['a', 5],
      ['c', 0],
      ['a', 1],
      ['b', 2],
    ]
    const hits = places.map(([document, ordinal]) =>
      hitOf({ document, ordinal, start: ordinal * 100, text: `Text ${document}${ordinal}.` }),
    )
    const prompt = await assemble({ hits, order })
    expect(prompt.citations.map(({ documentId }) => documentId)).toEqual(expected)
    if (order === 'document') expect(prompt.citations[0]?.chunkIds).toEqual(['b#2'])
  })

  test.each(PROMPT_FORMATS)(
    '%s: the prefix is the same bytes for every question, hit and fence',
    async (format) => {
      const pins = { pinned: [pinnedOf('a', sentences(5)), pinnedOf('b', 'Other.')] }
      const one = await assemble({
        format,
        query: 'One?',
        hits: [hitOf({ text: 'Found.' })],
        ...pins,
      })
      const two = await assemble({ format, query: 'Another question?', hits: [], ...pins })
      expect(one.prefixHash).toBe(two.prefixHash)
      const [a, b] = [one, two].map(({ body }) => JSON.stringify(body))
      const common = [...(a ?? '')].findIndex((character, index) => character !== b?.[index])
      const end = format === 'cohere' ? 0 : (a?.indexOf('Other.') ?? 0)
      expect(end).toBeGreaterThan(-1)
      expect(common).toBeGreaterThan(end)
      const other = await assemble({
        format,
        pinned: [pinnedOf('a', sentences(5)), pinnedOf('b', 'Changed.')],
      })
      expect(other.prefixHash).not.toBe(one.prefixHash)
    },
  )

  test('pinned documents that do not fit, are empty or unknown are dropped for what they are', async () => {
    const documents = [
      pinnedOf('a', 'Short.'),
      pinnedOf('b', sentences(300)),
      pinnedOf('c', '\u200b'),
    ]
    const prompt = await assemblePrompt(
      {
        template: 'default',
        format: 'text',
        maxTokens: 600,
        order: 'relevance',
        pinned: ['a', 'b', 'c', 'x'] as DocumentId[],
      },
      {
        query: 'Why?',
        hits: [],
        pinned: documents,
        template: DEFAULT_TEMPLATE,
        tokenizer,
        memo: createTokenMemos(0).of('t'),
      },
      new AbortController().signal,
    )
    expect(prompt.citations.map(({ documentId }) => documentId)).toEqual(['a'])
    expect(prompt.dropped).toEqual([
      { id: 'c', reason: 'empty' },
      { id: 'x', reason: 'not_found' },
      { id: 'b', reason: 'budget' },
    ])
  })

  test('a hit in a pinned document is contained in it', async () => {
    const prompt = await assemble({
      hits: [hitOf({ document: 'a', text: 'Part.' })],
      pinned: [pinnedOf('a', 'Part. And more.')],
    })
    expect(prompt.dropped).toEqual([{ id: 'a#0', reason: 'contained' }])
  })
})

describe('passages', () => {
  const part = (ordinal: number, start: number, text: string, document = 'd'): Written => ({
    document,
    ordinal,
    start,
    text,
  })

  test('neighbours in one document become one passage with one citation', async () => {
    const hits = [
      hitOf(part(4, 50, 'Fourth.')),
      hitOf(part(3, 40, 'Third.')),
      hitOf(part(9, 90, 'Ninth.')),
    ]
    const prompt = await assemble({ hits })
    expect(prompt.citations.map(({ chunkIds, span }) => ({ chunkIds, span }))).toEqual([
      { chunkIds: ['d#3', 'd#4'], span: { start: 40, end: 57 } },
      { chunkIds: ['d#9'], span: { start: 90, end: 96 } },
    ])
    expect(userText(prompt)).toContain('\nThird.\n\nFourth.\n</doc>')
  })

  test('what overlaps is shown once', async () => {
    const hits = [hitOf(part(0, 0, 'One two three.')), hitOf(part(1, 8, 'three. Four.'))]
    expect(userText(await assemble({ hits }))).toContain('\nOne two three. Four.\n</doc>')
  })

  test('equal places in two documents stay apart', async () => {
    const hits = [hitOf(part(0, 0, 'One.')), hitOf(part(1, 5, 'Two.', 'e'))]
    expect((await assemble({ hits })).citations).toHaveLength(2)
  })

  test('neighbours that retrieval added go in with their hit, and may join two hits', async () => {
    const first = hitOf(part(1, 10, 'B.'), {
      before: [part(0, 0, 'A.')],
      after: [part(2, 20, 'C.')],
    })
    const prompt = await assemble({ hits: [first, hitOf(part(3, 30, 'D.'))] })
    expect(prompt.citations.map(({ chunkIds }) => chunkIds)).toEqual([['d#0', 'd#1', 'd#2', 'd#3']])
    expect(userText(prompt)).toContain('A.\n\nB.\n\nC.\n\nD.')
  })

  test('neighbours give way before the hit does', async () => {
    const hit = hitOf(part(1, 3_000, 'The hit.'), { before: [part(0, 0, sentences(80))] })
    const prompt = await assemble({ hits: [hit], maxTokens: 400 })
    expect(prompt.citations[0]?.chunkIds).toEqual(['d#1'])
    expect(prompt.dropped).toEqual([])
  })

  test('a hit of nothing visible is dropped as empty', async () => {
    const prompt = await assemble({ hits: [hitOf({ text: '\u200b\u{e0041}\ufeff' })] })
    expect(prompt.dropped).toEqual([{ id: 'd#0', reason: 'empty' }])
    expect(userText(prompt)).toContain('(nothing found)')
  })

  test('title and headings name a passage', async () => {
    const hits = [hitOf({ text: 'T.', title: 'The "Guide"', headings: ['The "Guide"', 'Use <b>'] })]
    expect(userText(await assemble({ hits }))).toContain(
      '<doc n="1" id="d" title="The &quot;Guide&quot; › Use &lt;b&gt;">',
    )
  })
})
