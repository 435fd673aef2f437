import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { htmlReport } from '../../eval/report/html.ts'
import { markdownReport } from '../../eval/report/markdown.ts'
import { readResult } from '../../eval/result/read-result.ts'
import { type EvalResult, resultSchema } from '../../eval/result/schema.ts'
import { answerOf, datasetOf, evaluated, resultOf, targetOf } from '../support/evaluations.ts'

const degraded = [{ stage: 'rerank', reason: 'deadline' }]
/** The reranker was too late for q3, where it would have been right. */
const target = targetOf({
  dense: () => 'b a',
  lexical: () => 'a b',
  fused: () => 'a b',
  reranked: (query) => (query.endsWith('q3') ? answerOf('c a', { degraded }) : 'a b'),
})
const dataset = datasetOf({ q1: 'a', q2: 'a', q3: 'a h' })

let folder: string
let result: EvalResult
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'quarry-result-'))
  result = await resultOf(await evaluated(dataset, target))
})
afterAll(() => rm(folder, { recursive: true, force: true }))

describe('a result', () => {
  const stage = (name: string) => result.stages.find((each) => each.stage === name)

  it('is what its schema says, before and after a file', async () => {
    const path = join(folder, 'result.json')
    await writeFile(path, JSON.stringify(result))
    expect(await readResult(path)).toEqual(resultSchema.parse(result))
  })

  it('has means of whole answers only, and says beside them what all answers give', () => {
    expect(stage('reranked')?.answers).toEqual({
      asked: 3,
      whole: 2,
      degraded: 1,
      failed: 0,
      cached: 0,
      reasons: { 'rerank deadline': 1 },
    })
    expect(stage('reranked')?.metrics['recall@2']?.mean).toBe(1)
    expect(stage('reranked')?.as_answered?.['recall@2']).toBeCloseTo((1 + 1 + 0.5) / 3, 5)
    expect(stage('lexical')?.as_answered).toBeNull()
    expect(result.findings[0]).toMatchObject({
      level: 'warning',
      text: expect.stringMatching(/^reranked: 1 of 3 answers were degraded.*rerank deadline × 1/),
    })
  })

  it('holds each query with ranks and fates, and the texts that a report shows', () => {
    const [first, , last] = result.queries
    expect(first?.relevant).toEqual([
      {
        document: 'a',
        grade: 1,
        ranks: { dense: 2, lexical: 1, fused: 1, reranked: 1 },
        fate: 'kept',
      },
    ])
    expect(last?.stages.reranked?.state).toBe('degraded')
    expect(last?.relevant.map(({ fate }) => fate)).toEqual([null, null])
    // h was found by nobody, so its text comes from the corpus.
    expect(result.texts['h']).toEqual({ title: 'Title h', text: 'Passage h.' })
    expect(result.texts['a']?.text).toBe('Passage a.')
  })

  it('says when fusion is below a leg, and warns only when that is sure', async () => {
    const many = Object.fromEntries(Array.from({ length: 60 }, (_, at) => [`q${at}`, 'a']))
    const findings = async (fused: (query: string) => string) =>
      (
        await resultOf(await evaluated(datasetOf(many), targetOf({ lexical: () => 'a b', fused })))
      ).findings.find(({ text }) => text.startsWith('Fusion'))
    expect(await findings(() => 'b a')).toMatchObject({
      level: 'warning',
      text: expect.stringMatching(/below the better leg: lexical alone is better by 0\.3691/),
    })
    expect(await findings((query) => (query === 'text of q1' ? 'b a' : 'a b'))).toMatchObject({
      level: 'note',
      text: expect.stringMatching(/may be chance/),
    })
    expect(await findings(() => 'a b')).toBeUndefined()
  })

  it('is refused when it is another file, with the place of the fault', async () => {
    const path = join(folder, 'other.json')
    await writeFile(path, JSON.stringify({ ...result, depth: 'deep' }))
    await expect(readResult(path)).rejects.toMatchObject({
      code: 'invalid_request',
      message: expect.stringMatching(/no result of the form quarry-eval\/1: depth/),
    })
    await writeFile(path, '{"format":')
    await expect(readResult(path)).rejects.toMatchObject({ code: 'invalid_request' })
    await expect(readResult(join(folder, 'none.json'))).rejects.toMatchObject({
      code: 'invalid_request',
    })
  })
})

describe('reports', () => {
  const hostile = '</script><img src=x onerror="alert(1)">\u2028<!--| `x`'
  const poisoned = (): EvalResult => ({
    ...result,
    name: hostile,
    target: { ...result.target, name: hostile, settings: { [hostile]: hostile } },
    findings: [{ level: 'note', text: hostile }],
    queries: result.queries.map((query) => ({ ...query, id: hostile, text: hostile })),
    texts: { a: { title: hostile, text: hostile } },
  })

  it('are one page that loads nothing and lets no text become markup', () => {
    const page = htmlReport(poisoned())
    expect(page).not.toContain('<img')
    expect(page).not.toContain('<!--')
    expect(page.match(/<\/script>/g)).toHaveLength(2)
    expect(page).not.toMatch(/(?:src|href|action)\s*=\s*["']?(?:https?:)?\/\//)
    expect(page).not.toMatch(/url\(|@import|fetch\(|XMLHttpRequest|innerHTML/)
    expect(page).toContain("default-src 'none'")
    const data = /<script type="application\/json" id="data">(.*?)<\/script>/s.exec(page)?.[1]
    expect(JSON.parse(data ?? '').queries[0].text).toBe(hostile)
  })

  it('show every stage, metric and fate', () => {
    const page = htmlReport(result)
    for (const text of ['dense', 'reranked', 'ndcg@10', 'recall@2', 'as answered', 'rerank'])
      expect(page).toContain(text)
    expect(page.match(/<figure/g)).toHaveLength(2)
    expect(page).toContain('data-fate="kept"')
  })

  it('have a script that parses', () => {
    const script = /<script>(.*)<\/script>/s.exec(htmlReport(result))?.[1] ?? ''
    expect(() => new Function(script)).not.toThrow()
    expect(script).toContain('\\\\p{L}')
  })

  it('as Markdown keep tables whole', () => {
    const text = markdownReport(poisoned())
    const rows = text.split('\n').filter((line) => line.startsWith('| dense'))
    expect(rows[0]?.split(' | ')).toHaveLength(9)
    expect(text).not.toContain('<img')
    expect(text.split('\n')[0]).toMatch(/^# &lt;\/script>.*\\\| \\`x\\`$/)
  })
})
