import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { runQuarry } from '../support/quarry-process.ts'

const WORDS = ['diesel', 'gulls', 'storms', 'berths', 'cranes', 'ferries', 'lanterns', 'nets']
/** All that tells the documents apart is a word in letters that the embedder does not know. */
const PARTS = Array.from({ length: 30 }, (_, i) => String.fromCodePoint(0x13a0 + i, 0x13a1 + i))

let folder: string
const jsonl = (rows: readonly object[]): string =>
  rows.map((row) => `${JSON.stringify(row)}\n`).join('')

const textOf = (part: string, i: number): string =>
  `The part ${part} is kept in the store beside the ${WORDS[i % WORDS.length]} of the harbour.`

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'quarry-eval-tune-'))
  await mkdir(join(folder, 'set', 'qrels'), { recursive: true })
  const put = (name: string, text: string) => writeFile(join(folder, name), text)
  await put(
    'set/corpus.jsonl',
    jsonl(PARTS.map((part, i) => ({ _id: `d${i}`, title: '', text: textOf(part, i) }))),
  )
  const question = (part: string): string => `where in the harbour store is the part ${part} kept?`
  await put(
    'set/queries.jsonl',
    jsonl(PARTS.map((part, i) => ({ _id: `q${i}`, text: question(part) }))),
  )
  const judged = PARTS.map((_, i) => `q${i}\td${i}\t1\n`).join('')
  await put('set/qrels/test.tsv', `query-id\tcorpus-id\tscore\n${judged}`)
  await put(
    'golden.jsonl',
    jsonl(
      PARTS.map((part, i) => ({ id: `q${i}`, query: question(part), relevant: [`part-${i}.md`] })),
    ),
  )
  await mkdir(join(folder, 'docs'))
  for (const [i, part] of PARTS.entries()) await put(`docs/part-${i}.md`, textOf(part, i))
})
afterAll(async () => {
  await rm(folder, { recursive: true, force: true })
})

const quarry = (...args: string[]) =>
  runQuarry(args, { QUARRY_DATA_DIR: join(folder, 'data'), QUARRY_LOG_LEVEL: 'silent' })

/** So much weight on vectors that cannot tell the parts apart that tuning has something to mend. */
const DENSE_FIRST = { fusion: { weights: { dense: 50, lexical: 1 } } }

describe('eval tune', () => {
  it('finds the weights that the judged queries ask for, among the ways of indexing it is given', async () => {
    const policy = JSON.stringify(DENSE_FIRST)
    const { code, stdout, stderr } = await quarry(
      ...['eval', 'tune', join(folder, 'set'), '--policy', policy, '--k1', '0.9', '--json'],
    )
    expect(code, stderr).toBe(0)
    const tuned = JSON.parse(stdout)
    expect(tuned).toMatchObject({ queries: 30, metric: 'ndcg@10', is_better: true, written: null })
    expect(tuned.legs.lexical).toBeGreaterThan(tuned.legs.dense)
    expect(tuned.best.mean).toBeGreaterThan(tuned.current)
    expect(tuned.gain.low).toBeGreaterThan(0)
    const { weights } = tuned.best.fusion
    expect(weights.lexical).toBeGreaterThan(weights.dense)
    expect(tuned.by_fold).toHaveLength(5)
  }, 120_000)

  it('writes to a collection what it gains, and only when it is asked to', async () => {
    const config = join(folder, 'quarry.json')
    await writeFile(config, JSON.stringify({ collection_defaults: DENSE_FIRST }))
    const ingested = await quarry('ingest', join(folder, 'docs'), '-c', 'parts', '--config', config)
    expect(ingested.code, ingested.stderr).toBe(0)
    const tune = (...more: string[]) => quarry('eval', 'tune', '-c', 'parts', ...more)
    const nothing = await tune()
    expect(nothing.stderr).toMatch(/no golden queries in "parts"/)
    const imported = await quarry('golden', 'import', join(folder, 'golden.jsonl'), '-c', 'parts')
    expect(imported.code, imported.stderr).toBe(0)
    const told = await tune()
    expect(told.code, told.stderr).toBe(0)
    expect(told.stdout).toMatch(/30 queries, ndcg@10[\s\S]*Worth taking/)
    expect(told.stdout).not.toContain('Written')
    const written = await tune('--write')
    expect(written.stdout, written.stderr).toMatch(/Written: \{"fusion":\{"method"/)
    const after = JSON.parse((await tune('--write', '--json')).stdout)
    expect(after).toMatchObject({ is_better: false, written: null })
    expect(after.current).toBeCloseTo(after.best.mean, 6)
  }, 180_000)

  it('tries sizes of chunks, cutting the documents for each', async () => {
    const { code, stdout, stderr } = await quarry(
      ...['eval', 'tune', join(folder, 'set'), '--chunk-tokens', '16', '--json'],
    )
    expect(code, stderr).toBe(0)
    const { queries, best, legs } = JSON.parse(stdout)
    expect(queries).toBe(30)
    expect(['as it is', 'chunk tokens 16']).toContain(best.variant)
    expect(legs.lexical).toBeGreaterThan(0.9)
  }, 120_000)

  it('refuses what it can say nothing about', async () => {
    const few = await quarry('eval', 'tune', join(folder, 'set'), '--queries', '10')
    expect(few.code).not.toBe(0)
    expect(few.stderr).toMatch(/at least 20 queries/)
    const indexed = await quarry(
      ...['eval', 'tune', join(folder, 'golden.jsonl'), '-c', 'parts', '--b', '0.4'],
    )
    expect(indexed.code).not.toBe(0)
    expect(indexed.stderr).toMatch(/stays indexed as it is/)
  }, 120_000)
})
