import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { Command, CommanderError } from 'commander'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { addEval } from '../../bin/commands/eval/eval.ts'
import { addIngest } from '../../bin/commands/ingest.ts'
import { EXIT, reportError } from '../../bin/exit.ts'
import { resultSchema } from '../../eval/result/schema.ts'
import { runQuarry } from '../support/quarry-process.ts'

let folder: string
const at = (...path: string[]): string => join(folder, ...path)

const subjects = ['diesel', 'gulls', 'storms', 'berths', 'cranes', 'ferries', 'lanterns', 'nets']
const corpus = subjects.map((subject, i) => ({
  _id: `d${i}`,
  title: `On ${subject}`,
  text: `The harbour handbook says about ${subject} what everybody should know.`,
}))

async function put(path: string, content: string): Promise<void> {
  await mkdir(dirname(at(path)), { recursive: true })
  await writeFile(at(path), content)
}

const jsonl = (rows: readonly object[]): string =>
  rows.map((row) => `${JSON.stringify(row)}\n`).join('')

interface Outcome {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

/** Runs commands in this process, since starting one takes longer than what most of them do. */
async function quarry(...args: string[]): Promise<Outcome> {
  const program = new Command('quarry')
  addEval(program)
  addIngest(program)
  for (const command of allOf(program)) command.exitOverride()
  const written = { stdout: '', stderr: '' }
  const spies = (['stdout', 'stderr'] as const).map((stream) =>
    vi.spyOn(process[stream], 'write').mockImplementation((text) => {
      written[stream] += String(text)
      return true
    }),
  )
  try {
    await program.parseAsync(args, { from: 'user' })
    return { code: Number(process.exitCode ?? 0), ...written }
  } catch (error) {
    const code = error instanceof CommanderError ? EXIT.usage : reportError(error)
    return { code, ...written }
  } finally {
    for (const spy of spies) spy.mockRestore()
    process.exitCode = undefined
  }
}

function allOf(command: Command): Command[] {
  return [command, ...command.commands.flatMap(allOf)]
}

const evaluation = (...args: string[]): Promise<Outcome> => quarry('eval', ...args)

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'quarry-eval-cli-'))
  await put('tiny/corpus.jsonl', jsonl(corpus))
  await put(
    'tiny/queries.jsonl',
    jsonl(subjects.map((subject, i) => ({ _id: `q${i}`, text: `what about ${subject}?` }))),
  )
  const judged = subjects.map((_, i) => `q${i}\td${i}\t1\n`).join('')
  await put('tiny/qrels/test.tsv', `query-id\tcorpus-id\tscore\n${judged}`)
  await put('golden.jsonl', jsonl([{ id: 'g', query: 'what about gulls?', relevant: ['d1'] }]))
}, 60_000)

afterAll(() => rm(folder, { recursive: true, force: true }))

describe('eval run', () => {
  it('scores a set by stage and writes result, reports and runs', async () => {
    const { code, stdout, stderr } = await evaluation('run', at('tiny'), '-o', at('out'), '--json')
    expect(stderr).toBe('')
    expect(code).toBe(0)
    const result = resultSchema.parse(JSON.parse(stdout))
    expect(result.stages.map(({ stage }) => stage)).toEqual([
      'dense',
      'lexical',
      'fused',
      'reranked',
    ])
    expect(result.stages[1]?.metrics['ndcg@10']?.mean).toBe(1)
    expect(result.neighbour_recall?.recall).toBe(1)
    expect((await readdir(at('out'))).toSorted()).toEqual([
      'report.html',
      'report.md',
      'result.json',
      'runs',
    ])
    expect(await readFile(at('out/runs/lexical.run'), 'utf8')).toMatch(
      /^q0 Q0 d0 1 \S+ quarry-lexical$/m,
    )
    expect(await readFile(at('out/report.md'), 'utf8')).toContain(
      '| lexical | 1.0000 (1.000–1.000)',
    )
    const page = await evaluation('report', at('out/result.json'))
    expect(page.stdout).toBe(await readFile(at('out/report.html'), 'utf8'))
  })

  it('ingests a set as the service does, and asks the collection that was there before', async () => {
    const policy = ['--policy', '{"candidates":60}']
    const ingested = await evaluation(
      ...['run', at('tiny'), '--ingest', '--stage', 'lexical', '--json', ...policy],
    )
    expect(ingested.stderr).toBe('')
    const result = resultSchema.parse(JSON.parse(ingested.stdout))
    expect(result.target.kind).toBe('ingested')
    expect(result.target.settings).toMatchObject({ policy: { candidates: 60 } })
    expect(result.stages[0]?.metrics['recall@10']?.mean).toBe(1)
    const data = ['--data-dir', at('data')]
    await quarry('ingest', at('tiny/corpus.jsonl'), '-c', 'handbook', ...data)
    const asked = await evaluation('run', at('golden.jsonl'), '-c', 'handbook', ...data)
    expect(asked.stderr).toBe('')
    expect(asked.stdout).toMatch(/golden: 1 queries, collection handbook of this process/)
    expect(asked.stdout).toMatch(/reranked +1\.0000/)
  }, 120_000)

  it('says what is wrong with what it was given, without a stack', async () => {
    for (const [args, reason] of [
      [['run', at('nowhere')], /name the --collection/],
      [['run', at('tiny'), '--metric', 'gain@10'], /no metric is called "gain@10"/],
      [['run', at('tiny'), '--split', 'dev'], /dev\.tsv: no such file/],
      [['run', at('tiny'), '--policy', '{"lexical":{"analyzer":"runes"}}'], /analyzer/],
      [['suite', '--data', folder, '--only', 'nothing'], /nothing/],
    ] as const) {
      const { code, stderr } = await evaluation(...args)
      expect(code, args.join(' ')).toBe(2)
      expect(stderr).toMatch(reason)
      expect(stderr).not.toContain('    at ')
    }
  })
})

describe('eval compare and gate', () => {
  /** The same result with the right document of every query one place lower at the end. */
  async function spoiled(): Promise<string> {
    const result = resultSchema.parse(JSON.parse(await readFile(at('out/result.json'), 'utf8')))
    for (const { stages } of result.queries)
      if (stages.reranked !== undefined) stages.reranked.metrics['ndcg@10'] = 0.63
    await writeFile(at('spoiled.json'), JSON.stringify(result))
    return at('spoiled.json')
  }

  it('show the fall, close the gate with 1, and refuse with 2 what cannot be compared', async () => {
    const worse = await spoiled()
    const good = at('out/result.json')
    const compared = await evaluation('compare', good, worse, '--stage', 'reranked', '--json')
    expect(compared.stderr).toBe('')
    const [difference] = JSON.parse(compared.stdout).differences
    expect(difference).toMatchObject({ metric: 'ndcg@10', after: 0.63, queries: 8 })
    expect(difference.p).toBeLessThan(0.01)

    const closed = await evaluation('gate', good, worse)
    expect(closed.code).toBe(1)
    expect(closed.stdout).toMatch(/✗ reranked ndcg@10: .*\n[\s\S]*the gate is closed/)
    expect((await evaluation('gate', good, good)).code).toBe(0)
    // Once as CI does it.
    expect((await runQuarry(['eval', 'gate', good, worse], {})).code).toBe(1)
    expect((await evaluation('gate', good, worse, '--metric', 'recall@10')).code).toBe(0)

    const other = JSON.parse(await readFile(good, 'utf8'))
    other.dataset.queries_hash = 'another'
    await writeFile(at('other.json'), JSON.stringify(other))
    const refused = await evaluation('gate', good, at('other.json'))
    expect(refused.code).toBe(2)
    expect(refused.stderr).toMatch(/^quarry: the two results can't be compared: .*other queries/)
  })
})

describe('eval suite and chunks', () => {
  it('lists every bound, those without their set as not run', async () => {
    const { code, stdout } = await evaluation(
      'suite',
      '--data',
      folder,
      '--only',
      'bm25',
      'chunking',
      '--json',
    )
    expect(code).toBe(0)
    const { bounds, sets } = JSON.parse(stdout)
    expect(bounds.length).toBeGreaterThan(10)
    for (const bound of bounds)
      expect(bound).toMatchObject({ value: null, holds: null, name: expect.any(String) })
    expect(sets).toEqual([])
  })

  it('scores chunk sizes by the characters of evidence', async () => {
    const sentences = subjects.map((subject) => `About ${subject} there is this to say here.`)
    const text = sentences.join('\n\n')
    const spans = sentences.map((content, i) => {
      const start = text.indexOf(content)
      return {
        _id: `q${i}`,
        doc: 'book',
        references: [{ start, end: start + content.length, content }],
      }
    })
    await put('spans/corpus.jsonl', jsonl([{ _id: 'book', title: '', text }]))
    await put('spans/queries.jsonl', await readFile(at('tiny/queries.jsonl'), 'utf8'))
    const judged = subjects.map((_, i) => `q${i}\tbook\t1\n`).join('')
    await put('spans/qrels/test.tsv', `query-id\tcorpus-id\tscore\n${judged}`)
    await put('spans/spans.jsonl', jsonl(spans))
    const { stdout, stderr } = await evaluation(
      'chunks',
      at('spans'),
      '--tokens',
      '16',
      '384',
      '-n',
      '1',
      '--json',
    )
    expect(stderr).toBe('')
    const [small, large] = JSON.parse(stdout).chunkings
    expect(large).toMatchObject({ tokens: 384, chunks: 1, recall: 1 })
    expect(small.chunks).toBeGreaterThan(3)
    expect(small.recall).toBe(1)
    expect(small.iou).toBeGreaterThan(3 * large.iou)
  })
})
