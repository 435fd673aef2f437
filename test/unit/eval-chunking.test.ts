import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { evaluateChunking } from '../../eval/chunking/evaluate-chunking.ts'
import { readSpanSet } from '../../eval/chunking/read-span-set.ts'
import { type PlacedChunk, scoreSpans } from '../../eval/chunking/span-scores.ts'
import { intersection, lengthOf, union } from '../../eval/chunking/spans.ts'
import type { Span } from '../../src/core/model.ts'

const LENGTH = 60
const span = fc
  .tuple(fc.nat(LENGTH), fc.nat(LENGTH))
  .map(([a, b]): Span => ({ start: Math.min(a, b), end: Math.max(a, b) }))
const spans = fc.array(span, { maxLength: 8 })
const someSpans = fc.array(
  span.filter(({ start, end }) => start < end),
  { minLength: 1, maxLength: 4 },
)

const covers = (list: readonly Span[]) =>
  Array.from({ length: LENGTH }, (_, at) => list.some(({ start, end }) => start <= at && at < end))
const count = (flags: readonly boolean[]) => flags.filter(Boolean).length
const placed = (list: readonly Span[], document = 'doc'): PlacedChunk[] =>
  list.map((each, at) => ({ ...each, id: `${document}-${at}`, document }))

describe('spans', () => {
  it('unite and intersect as sets of characters do', () => {
    fc.assert(
      fc.property(spans, spans, (a, b) => {
        const [one, other] = [union(a), union(b)]
        expect(covers(one)).toEqual(covers(a))
        expect(lengthOf(one)).toBe(count(covers(a)))
        const both = covers(a).map((held, at) => held && (covers(b)[at] as boolean))
        expect(covers(intersection(one, other))).toEqual(both)
        expect(lengthOf(intersection(one, other))).toBe(count(both))
      }),
    )
  })
})

describe('one question', () => {
  const evidence = {
    document: 'doc',
    spans: [
      { start: 10, end: 20 },
      { start: 40, end: 50 },
    ],
  }
  const chunks = placed([
    { start: 0, end: 15 },
    { start: 15, end: 40 },
    { start: 40, end: 60 },
  ])
  const [first, second, third] = chunks as [PlacedChunk, PlacedChunk, PlacedChunk]

  it('is scored by characters', () => {
    expect(scoreSpans([first, third], evidence, chunks)).toEqual({
      recall: 15 / 20,
      precision: 15 / 35,
      iou: 15 / 40,
      precisionOmega: 20 / 60,
    })
    expect(scoreSpans([], evidence, chunks)).toMatchObject({ recall: 0, precision: 0, iou: 0 })
    expect(scoreSpans(chunks, evidence, chunks).recall).toBe(1)
  })

  it('pays for what another document or an overlap shows', () => {
    const elsewhere = placed([{ start: 0, end: 60 }], 'other')
    expect(scoreSpans([third, ...elsewhere], evidence, chunks)).toMatchObject({
      recall: 10 / 20,
      precision: 10 / 80,
      iou: 10 / 90,
    })
    const again = { ...third, id: 'again' }
    expect(scoreSpans([third, again], evidence, chunks)).toMatchObject({
      recall: 10 / 20,
      precision: 10 / 40,
    })
  })

  it('takes into precision-Omega only chunks that hold evidence, and what no chunk holds', () => {
    const narrow = { document: 'doc', spans: [{ start: 5, end: 15 }] }
    expect(scoreSpans([], narrow, chunks).precisionOmega).toBe(10 / 15)
    expect(scoreSpans([], narrow, [second, third]).precisionOmega).toBe(0)
    const late = { document: 'doc', spans: [{ start: 40, end: 50 }] }
    expect(scoreSpans([], late, chunks).precisionOmega).toBe(10 / 20)
    expect(scoreSpans([], evidence, [third]).precisionOmega).toBe(10 / 30)
  })

  it('agrees with counting characters one by one', () => {
    fc.assert(
      fc.property(someSpans, someSpans, someSpans, (wanted, shown, rest) => {
        const retrieved = placed(shown)
        const held = covers(wanted)
        const found = count(covers(shown).map((each, at) => each && (held[at] as boolean)))
        const scores = scoreSpans(retrieved, { document: 'doc', spans: wanted }, [
          ...retrieved,
          ...placed(rest),
        ])
        const length = lengthOf(shown)
        expect(scores.recall).toBeCloseTo(found / count(held), 12)
        expect(scores.precision).toBeCloseTo(found / length, 12)
        expect(scores.iou).toBeCloseTo(found / (length + count(held) - found), 12)
        expect(scores.precisionOmega).toBeGreaterThanOrEqual(0)
        expect(scores.precisionOmega).toBeLessThanOrEqual(1)
      }),
    )
  })
})

describe('a chunker', () => {
  const chunks = [
    ...placed(
      [
        { start: 0, end: 10 },
        { start: 10, end: 30 },
      ],
      'a',
    ),
    ...placed([{ start: 0, end: 20 }], 'b'),
  ]
  const questions = [
    { id: 'q1', text: 'one', evidence: { document: 'a', spans: [{ start: 0, end: 10 }] } },
    { id: 'q2', text: 'two', evidence: { document: 'b', spans: [{ start: 5, end: 15 }] } },
  ]

  it('is scored by the first n chunks of the ranking, question by question', async () => {
    const asked: string[] = []
    const scores = await evaluateChunking(
      chunks,
      questions,
      async (query, n) => {
        asked.push(`${query} ${n}`)
        return ['a-0', 'a-1', 'b-0']
      },
      { n: 2 },
    )
    expect(asked).toEqual(['one 2', 'two 2'])
    expect(scores.questions.get('q1')).toMatchObject({ recall: 1, precision: 10 / 30 })
    expect(scores.questions.get('q2')).toMatchObject({ recall: 0, precision: 0 })
    expect(scores.means).toEqual({
      recall: 0.5,
      precision: 1 / 6,
      iou: 1 / 6,
      precisionOmega: (1 + 0.5) / 2,
    })
    expect(scores).toMatchObject({ n: 2, chunks: 3, chunkChars: 50 / 3 })
  })

  it('asks for five, as the report it is compared with', async () => {
    const asked: number[] = []
    await evaluateChunking(chunks, questions, async (_, n) => {
      asked.push(n)
      return []
    })
    expect(asked).toEqual([5, 5])
  })

  it('needs questions, chunks, and a ranking of those chunks', async () => {
    const none = async () => []
    for (const [list, asked] of [
      [[], questions],
      [chunks, []],
    ] as const)
      await expect(evaluateChunking(list, asked, none)).rejects.toMatchObject({
        code: 'invalid_request',
      })
    await expect(evaluateChunking(chunks, questions, async () => ['c-9'])).rejects.toThrow(
      'the ranking names chunk c-9',
    )
    const signal = AbortSignal.abort()
    await expect(evaluateChunking(chunks, questions, none, { signal })).rejects.toThrow('aborted')
  })
})

describe('a set with spans', () => {
  let folder: string
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'quarry-spans-'))
    await mkdir(join(folder, 'qrels'))
    await writeFile(
      join(folder, 'corpus.jsonl'),
      '{"_id":"d","title":"","text":"An é and more."}\n',
    )
    await writeFile(join(folder, 'queries.jsonl'), '{"_id":"q","text":"what?"}\n')
    await writeFile(join(folder, 'qrels', 'test.tsv'), 'query-id\tcorpus-id\tscore\nq\td\t1\n')
  })
  afterAll(() => rm(folder, { recursive: true }))

  it('is read, its evidence checked against the text', async () => {
    const reference = { start: 3, end: 4, content: 'é' }
    const line = { _id: 'q', doc: 'd', references: [reference] }
    await writeFile(join(folder, 'spans.jsonl'), `${JSON.stringify(line)}\n`)
    const set = await readSpanSet(folder)
    expect(set.documents).toEqual([{ id: 'd', title: '', text: 'An é and more.' }])
    expect(set.questions).toEqual([
      { id: 'q', text: 'what?', evidence: { document: 'd', spans: [{ start: 3, end: 4 }] } },
    ])
  })

  it.each([
    [
      { doc: 'd', references: [{ start: 3, end: 5, content: 'é' }] },
      /line 1: what lies from 3 to 5/,
    ],
    [
      { doc: 'd', references: [{ start: 3, end: 3, content: '' }] },
      /line 1: what lies from 3 to 3/,
    ],
    [{ doc: 'd', references: [null] }, /line 1: what lies from undefined/],
    [{ doc: 'd', references: [] }, /line 1: "references" must be a list/],
    [{ doc: 'x', references: [] }, /line 1: document x is not in the corpus/],
  ])('is refused for %j', async (line, message) => {
    await writeFile(join(folder, 'spans.jsonl'), `${JSON.stringify({ _id: 'q', ...line })}\n`)
    await expect(readSpanSet(folder)).rejects.toMatchObject({
      code: 'invalid_request',
      message: expect.stringMatching(message),
    })
  })
})
