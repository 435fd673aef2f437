import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { readBeir } from '../../eval/formats/beir.ts'
import { readGoldenSet } from '../../eval/formats/golden-set.ts'
import { readTrec, readTrecQrels } from '../../eval/formats/trec.ts'
import { readTrecRun, trecRunText, writeTrecRun } from '../../eval/formats/trec-run.ts'
import { readTrecTopics } from '../../eval/formats/trec-topics.ts'
import type { Qrels, Run } from '../../eval/types.ts'
import { LIMITS } from '../../src/core/limits.ts'

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'quarry-eval-'))
})
afterAll(() => rm(folder, { recursive: true }))

/** Files of one test by name; gives back the folder that holds them. */
async function files(contents: Readonly<Record<string, string | Uint8Array>>): Promise<string> {
  const own = await mkdtemp(join(folder, 'set-'))
  for (const [name, content] of Object.entries(contents)) {
    await mkdir(dirname(join(own, name)), { recursive: true })
    await writeFile(join(own, name), content)
  }
  return own
}

async function file(content: string | Uint8Array): Promise<string> {
  return join(await files({ file: content }), 'file')
}

const plain = (qrels: Qrels) =>
  Object.fromEntries([...qrels].map(([query, own]) => [query, Object.fromEntries(own)]))

async function all<T>(items: AsyncIterable<T>): Promise<T[]> {
  const list: T[] = []
  for await (const item of items) list.push(item)
  return list
}

const refusal = (message: RegExp) => ({
  code: 'invalid_request',
  message: expect.stringMatching(message),
})

const BEIR = {
  'corpus.jsonl': '{"_id":"d1","title":"T","text":"one","metadata":{}}\n{"_id":"d2","text":""}\n',
  'queries.jsonl': '{"_id":"q1","text":"first"}\n{"_id":"train","text":"not of this split"}\n',
  'qrels/test.tsv': 'query-id\tcorpus-id\tscore\nq1\td1\t2\nq1\td2\t0\n',
}

describe('a BEIR folder', () => {
  it('is read with the queries of the split, and the corpus as often as it is asked for', async () => {
    const path = await files(BEIR)
    const set = await readBeir(`${path}/`)
    expect(path.endsWith(set.name)).toBe(true)
    expect(set.queries).toEqual([{ id: 'q1', text: 'first' }])
    expect(plain(set.qrels)).toEqual({ q1: { d1: 2, d2: 0 } })
    const documents = [
      { id: 'd1', title: 'T', text: 'one' },
      { id: 'd2', title: '', text: '' },
    ]
    expect(await all(set.corpus())).toEqual(documents)
    expect(await all(set.corpus())).toEqual(documents)
  })

  it('takes another split, a byte order mark and the ends of lines of Windows', async () => {
    const path = await files({
      ...BEIR,
      'qrels/dev.tsv': '\ufeffquery-id\tcorpus-id\tscore\r\n\r\ntrain\td2\t1\r\n',
    })
    const set = await readBeir(path, 'dev')
    expect(set.queries.map(({ id }) => id)).toEqual(['train'])
    expect(plain(set.qrels)).toEqual({ train: { d2: 1 } })
  })

  const header = 'query-id\tcorpus-id\tscore\n'
  it.each([
    ['q1 0 d1 1\n', /test\.tsv, line 1: is not BEIR's header, query-id<tab>/],
    [`${header}q1\td1\n`, /test\.tsv, line 2: does not have the three columns/],
    [`${header}q1\td1\t1\t1\n`, /line 2: does not have the three columns/],
    [`${header}q1\td1\t0.5\n`, /line 2: grade "0\.5" is not a whole number between -100 and 100/],
    [`${header}q1\td1\t101\n`, /line 2: grade "101"/],
    [`${header}q1\td1\t1\n\nq1\td1\t2\n`, /line 4: query q1 judges document d1 twice/],
    [
      `${header}q1\td1\t1\nq9\td1\t1\n`,
      /queries\.jsonl: lacks 1 of the 2 judged queries, first q9/,
    ],
  ])('is refused for its judgments %j', async (qrels, message) => {
    const path = await files({ ...BEIR, 'qrels/test.tsv': qrels })
    await expect(readBeir(path)).rejects.toMatchObject(refusal(message))
  })

  it.each([
    ['{"_id":"q1"}', /queries\.jsonl, line 1: "text" is missing/],
    ['{"_id":1,"text":"x"}', /line 1: "_id" is not a string with something in it/],
    ['["q1"]', /line 1: is not a JSON object; each line is one/],
    ['\n{"_id":"q1","text":"x"', /line 2: is not JSON: it ends too early/],
    ['{"_id":"q1","text":"x"}\n{"_id":"q1","text":"y"}', /line 2: query q1 was there before/],
    ['{"_id":"z","text":"x"}\n{"_id":"z","text":"y"}', /line 2: query z was there before/],
  ])('is refused for its queries %j', async (queries, message) => {
    const path = await files({ ...BEIR, 'queries.jsonl': queries })
    await expect(readBeir(path)).rejects.toMatchObject(refusal(message))
  })

  it.each([
    ['{"_id":"d1","text":"x"}\n{"_id":"d1","text":"y"}', /corpus\.jsonl, line 2: document d1 was/],
    ['{"_id":"d1","text":7}', /line 1: "text" and, if it is there, "title" must be strings/],
    ['{"_id":"d1","title":7,"text":""}', /line 1: "text" and, if it is there, "title"/],
  ])('is refused for its corpus %j when that is read', async (corpus, message) => {
    const set = await readBeir(await files({ ...BEIR, 'corpus.jsonl': corpus }))
    await expect(all(set.corpus())).rejects.toMatchObject(refusal(message))
  })

  it('is refused when it is not there', async () => {
    await expect(readBeir(join(folder, 'nowhere'))).rejects.toMatchObject(
      refusal(/nowhere\/qrels\/test\.tsv: no such file/),
    )
  })
})

describe('lines', () => {
  it('are refused when they are not UTF-8, by number', async () => {
    const path = await file(Buffer.concat([Buffer.from('q 0 d 1\n'), Buffer.from([0xe9, 0x0a])]))
    await expect(readTrecQrels(path)).rejects.toMatchObject(
      refusal(/line 2: is not UTF-8; convert/),
    )
  })

  it('are given up on when they are longer than the limit, whether they end or not', async () => {
    const long = 'x'.repeat(LIMITS.evalSetLineBytes.max + 1)
    for (const text of [`q 0 d 1\n${long}`, `q 0 d 1\n${long}\n`])
      await expect(readTrecQrels(await file(text))).rejects.toMatchObject(
        refusal(/line 2: is above eval_set_line_bytes, 16777216/),
      )
  })

  it('may lie across the pieces in which a file is read', async () => {
    const documents = Array.from({ length: 20_000 }, (_, n) => `é${n}`)
    const path = await file(documents.map((id) => `q 0 ${id} 1`).join('\n'))
    expect([...((await readTrecQrels(path)).get('q') ?? new Map()).keys()]).toEqual(documents)
  })

  it('are not those of a folder', async () => {
    await expect(readTrecQrels(folder)).rejects.toMatchObject(refusal(/is a folder, not a file/))
  })
})

const CLASSIC = `
<top>
<num> Number: 051
<title> Topic:  Airbus
Subsidies
<desc> Description:
Not this.
</top>

<top>
<num>Number: 401 </num>
<title>foreign minorities, Germany</title>
</top>
`

describe('TREC', () => {
  it('topics are read in the classic form', async () => {
    expect(await readTrecTopics(await file(CLASSIC))).toEqual([
      { id: '51', text: 'Airbus Subsidies' },
      { id: '401', text: 'foreign minorities, Germany' },
    ])
  })

  it('topics are read with tabs, their ids as they are', async () => {
    expect(await readTrecTopics(await file('007\twhat is\ta tab\nx-1\tmore\n'))).toEqual([
      { id: '007', text: 'what is\ta tab' },
      { id: 'x-1', text: 'more' },
    ])
  })

  it.each([
    ['1 no tab', /line 1: is neither id<tab>text nor part of a <top>/],
    ['1\tx\n2\t \n', /line 2: is neither id<tab>text/],
    ['1\tx\n1\ty\n', /line 2: query 1 was there before/],
    ['<top>\n<num> 1\n</top>\n', /line 1: the topic lacks <num> or <title>/],
    ['<top>\n<num> 1\n<title>\n<desc> x\n</top>', /line 1: the topic lacks <num> or <title>/],
    ['<top>\n<num> 1\n<title> x\n', /line 1: <top> has no <\/top>/],
    ['<top>\n<top>\n</top>', /line 2: <top> before the <\/top> of line 1/],
    [`${CLASSIC}${CLASSIC}`, /line 15: query 51 was there before/],
  ])('topics %j are refused', async (text, message) => {
    await expect(readTrecTopics(await file(text))).rejects.toMatchObject(refusal(message))
  })

  it('qrels are read, grades below 0 too', async () => {
    const path = await file('51 0 FT-1 1\n51 Q0 FT-2 -2\n401\t0\tFT-1\t0\n')
    expect(plain(await readTrecQrels(path))).toEqual({
      51: { 'FT-1': 1, 'FT-2': -2 },
      401: { 'FT-1': 0 },
    })
  })

  it.each([
    ['1\td\t1\n', /line 1: has 3 columns; qrels have four/],
    ['1 0 d 1\n1 0 d 1\n', /line 2: query 1 judges document d twice/],
    ['1 0 d x\n', /line 1: grade "x" is not a whole number/],
  ])('qrels %j are refused', async (text, message) => {
    await expect(readTrecQrels(await file(text))).rejects.toMatchObject(refusal(message))
  })

  it('topics and qrels make a set without documents, of the judged queries', async () => {
    const path = await files({ 'my.topics.tsv': '1\tx\n2\ty\n', qrels: '2 0 d 1\n' })
    const set = await readTrec(join(path, 'my.topics.tsv'), join(path, 'qrels'))
    expect(set.name).toBe('my.topics')
    expect(set.queries).toEqual([{ id: '2', text: 'y' }])
    expect(await all(set.corpus())).toEqual([])
  })

  it('qrels of queries that the topics lack are refused', async () => {
    const path = await files({ topics: '1\tx\n', qrels: '1 0 d 1\n3 0 d 1\n' })
    await expect(readTrec(join(path, 'topics'), join(path, 'qrels'))).rejects.toMatchObject(
      refusal(/topics: lacks 1 of the 2 judged queries, first 3/),
    )
  })
})

describe('a run file', () => {
  it('is read in the order of its scores, whatever its ranks say', async () => {
    const text = '1 Q0 b 1 1.5 tag\n2 Q0 x 1 1e-3 tag\n1 Q0 c 2 7 tag\n1 Q0 a 3 1.5 tag\n'
    const run = await readTrecRun(await file(text))
    expect(run.get('1')).toEqual([
      { id: 'c', score: 7 },
      { id: 'b', score: 1.5 },
      { id: 'a', score: 1.5 },
    ])
    expect(run.get('2')).toEqual([{ id: 'x', score: 0.001 }])
  })

  it.each([
    ['1 Q0 d 1 0.5\n', /line 1: has 5 columns; runs have six/],
    ['1 Q0 d 1 NaN t\n', /line 1: score "NaN" is not a finite number/],
    ['1 Q0 d 1 2 t\n1 Q0 d 2 1 t\n', /line 2: query 1 ranks document d twice/],
  ])('%j is refused', async (text, message) => {
    await expect(readTrecRun(await file(text))).rejects.toMatchObject(refusal(message))
  })

  it('keeps our order whatever the scores are, with those kept that can be', async () => {
    const scores = [3.25, 9, 9, 2, 0, 0, 0, -1, -1, 5]
    const ids = scores.map((_, at) => `d${at}`)
    const run: Run = new Map([
      ['q', scores.map((score, at) => ({ id: `d${at}`, score }))],
      ['none', []],
    ])
    const path = join(await files({}), 'run')
    await writeTrecRun(path, run, 'quarry')
    const read = await readTrecRun(path)
    expect([...read.keys()]).toEqual(['q'])
    expect(read.get('q')?.map(({ id }) => id)).toEqual(ids)
    const kept = read.get('q')?.map(({ score }) => score) ?? []
    expect(kept[0]).toBe(3.25)
    expect(kept[3]).toBe(2)
    expect(kept[7]).toBe(-1)
  })

  it('has scores that fall strictly in 32 bits', () => {
    const scores = fc.array(fc.float({ noNaN: true, noDefaultInfinity: true, min: -(2 ** 100) }), {
      minLength: 2,
    })
    fc.assert(
      fc.property(scores, (list) => {
        const ranking = list.map((score, at) => ({ id: `d${at}`, score }))
        const [text = ''] = trecRunText(new Map([['q', ranking]]), 't')
        const lines = text.trimEnd().split('\n')
        const written = lines.map((line) => Math.fround(Number(line.split(' ')[4])))
        expect(lines[1]).toMatch(/^q Q0 d1 2 \S+ t$/)
        for (const [at, score] of written.entries())
          if (at > 0) expect(score).toBeLessThan(written[at - 1] as number)
      }),
    )
  })

  it('holds no white space in an id or the tag, and no score that is not finite', () => {
    const text = (id: string, score: number, tag: string) => [
      ...trecRunText(new Map([['q', [{ id, score }]]]), tag),
    ]
    expect(() => text('a b', 1, 't')).toThrow(/document id "a b" can't stand in a run file/)
    expect(() => text('a', 1, '')).toThrow(/the tag "" can't stand in a run file/)
    for (const score of [Number.NaN, Number.POSITIVE_INFINITY, 1e39])
      expect(() => text('a', score, 't')).toThrow(/score of document a is not a finite 32-bit/)
  })
})

describe('a golden set', () => {
  it('is read with grades or without, other fields aside', async () => {
    const path = await files({
      'mine.jsonl':
        '{"id":"g1","query":"q one","relevant":{"d1":3,"d2":0},"tags":[]}\n{"id":"g2","query":"two","relevant":["d1","d3"]}\n',
    })
    const set = await readGoldenSet(join(path, 'mine.jsonl'))
    expect(set.name).toBe('mine')
    expect(set.queries.map(({ text }) => text)).toEqual(['q one', 'two'])
    expect(plain(set.qrels)).toEqual({ g1: { d1: 3, d2: 0 }, g2: { d1: 1, d3: 1 } })
    expect(await all(set.corpus())).toEqual([])
  })

  const line = (relevant: string) => `{"id":"g","query":"x","relevant":${relevant}}`
  it.each([
    [line('{}'), /line 1: "relevant" must judge at least one document/],
    [line('[]'), /line 1: "relevant" must judge/],
    [line('"d1"'), /line 1: "relevant" must judge/],
    [line('[1]'), /line 1: "relevant" must judge/],
    [line('{"d":"x"}'), /line 1: grade "x" is not a whole number/],
    [line('["d","d"]'), /line 1: query g judges document d twice/],
    [`${line('["d"]')}\n${line('["e"]')}`, /line 2: query g was there before/],
    ['{"id":"g","relevant":["d"]}', /line 1: "query" is missing/],
  ])('%j is refused', async (text, message) => {
    await expect(readGoldenSet(await file(text))).rejects.toMatchObject(refusal(message))
  })
})
