import { readdirSync, readFileSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, expect, test } from 'vitest'
import { openOnnxEmbedder } from '../../adapters/embedders/onnx.ts'
import type { OnnxEmbedderOptions } from '../../adapters/embedders/options.ts'
import { openOnnxColbert, openOnnxReranker } from '../../adapters/rerankers/onnx.ts'
import type { Embedder } from '../../src/core/embedder.ts'
import { QuarryError } from '../../src/core/errors.ts'
import type { ChunkId, TenantId } from '../../src/core/model.ts'
import { readExpected, TINY, variantOf } from '../support/model-folder.ts'

const tenant = 'acme' as TenantId
const forEver = new AbortController().signal
const call = { tenant, signal: forEver }

const leftovers: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const close of leftovers.splice(0).reverse()) await close()
})

async function open(options: Partial<OnnxEmbedderOptions> = {}): Promise<Embedder> {
  const embedder = await openOnnxEmbedder({ folder: TINY, passage_prefix: '', ...options })
  leftovers.push(embedder.close)
  return embedder
}

async function variant(changes: Readonly<Record<string, string | object | null>>) {
  const { folder, remove } = await variantOf(changes)
  leftovers.push(remove)
  return folder
}

/** Processes that this one has started. */
function children(): number[] {
  const tasks = `/proc/${process.pid}/task`
  const pids = readdirSync(tasks).flatMap((task) =>
    readFileSync(join(tasks, task, 'children'), 'utf8').split(' '),
  )
  return pids.filter((pid) => pid !== '').map(Number)
}

function onlyChild(): number {
  const found = children()
  expect(found).toHaveLength(1)
  return found[0] ?? 0
}

function expectClose(found: ArrayLike<number> | undefined, right: readonly number[]): void {
  expect(found).toHaveLength(right.length)
  right.forEach((value, i) => {
    expect(found?.[i]).toBeCloseTo(value, 5)
  })
}

test('makes the vectors that the reference makes, in the order of the texts', async () => {
  const { texts } = await readExpected()
  const embedder = await open()
  const passages = texts.map(({ text }) => text)
  const { vectors, tokens } = await embedder.embedPassages(passages, call)
  texts.forEach(({ mean }, i) => {
    expectClose(vectors[i], mean)
  })
  expect(tokens).toBeGreaterThan(texts.length * 2)
  expect(embedder.profile).toMatchObject({ dimensions: 16, inputTokensMax: 48, normalized: true })
  await expect(embedder.embedPassages(['a', ''], call)).rejects.toMatchObject({
    code: 'invalid_request',
    details: { index: 1 },
  })
  await embedder.checkHealth(forEver)
})

test('pools and scales as it is told, and calls that another revision', async () => {
  const { texts } = await readExpected()
  const embedder = await open({ pooling: 'cls', normalize: false })
  const { vectors } = await embedder.embedPassages([texts[4]?.text ?? ''], call)
  expectClose(vectors[0], texts[4]?.cls ?? [])
  expect(embedder.profile.normalized).toBe(false)
  expect(embedder.profile.revision).not.toBe((await open()).profile.revision)
})

test('puts the prefixes before queries and passages', async () => {
  const embedder = await open({ query_prefix: 'is ', passage_prefix: 'is the ' })
  const query = await embedder.embedQuery('the shard', { ...call, statistics: null })
  const passage = await embedder.embedPassages(['shard'], call)
  expectClose(query.vectors[0], [...(passage.vectors[0] ?? [])])
  const bare = await embedder.embedPassages(['the shard'], call)
  expect(bare.vectors[0]?.[0]).not.toBeCloseTo(query.vectors[0]?.[0] ?? 0, 3)
})

test('answers a text alike whatever it is batched with', async () => {
  const { texts } = await readExpected()
  const embedder = await open({ batch_tokens: 64, batch_texts: 3 })
  const passages = texts.map(({ text }) => text)
  const calls = await Promise.all([
    embedder.embedPassages(passages, call),
    embedder.embedPassages(passages.toReversed(), call),
  ])
  texts.forEach(({ mean }, i) => {
    expectClose(calls[0].vectors[i], mean)
    expectClose(calls[1].vectors.at(-1 - i), mean)
  })
})

const candidate = (text: string, at: number) => ({
  id: `c${at}` as ChunkId,
  text,
  context: '',
  fusedScore: 1,
  denseScore: null,
})

test('scores pairs as the reference does, relevance being the sigmoid', async () => {
  const { pairs } = await readExpected()
  const reranker = await openOnnxReranker({ folder: TINY })
  leftovers.push(reranker.close)
  const query = pairs[0]?.query ?? ''
  const wanted = pairs.filter((pair) => pair.query === query)
  const candidates = wanted.map(({ document }, at) => candidate(document, at))
  const { scores, documents } = await reranker.rerank(query, candidates, {
    ...call,
    statistics: null,
    denseShare: 0,
  })
  expect(documents).toBe(wanted.length)
  wanted.forEach(({ logit }, at) => {
    expect(scores[at]?.id).toBe(`c${at}`)
    expect(scores[at]?.score).toBeCloseTo(logit, 5)
    expect(scores[at]?.relevance).toBeCloseTo(1 / (1 + Math.exp(-logit)), 5)
  })
})

test("scores ColBERT's MaxSim as the reference does", async () => {
  const { pairs } = await readExpected()
  const reranker = await openOnnxColbert({ folder: TINY })
  leftovers.push(reranker.close)
  for (const query of new Set(pairs.map((pair) => pair.query))) {
    const wanted = pairs.filter((pair) => pair.query === query)
    const candidates = wanted.map(({ document }, at) => candidate(document, at))
    const { scores } = await reranker.rerank(query, candidates, {
      ...call,
      statistics: null,
      denseShare: 0,
    })
    expectClose(
      scores.map(({ score }) => score),
      wanted.map((pair) => pair.max_sim),
    )
    expect(scores[0]?.relevance).toBeNull()
  }
})

test('a run that nobody waits for any more costs its process, and the others are served', async () => {
  const embedder = await open({ grace_ms: 0 })
  const pid = onlyChild()
  process.kill(pid, 'SIGSTOP')
  const caller = new AbortController()
  const gone = embedder.embedPassages(['never answered'], { tenant, signal: caller.signal })
  const other = embedder.embedPassages(['answered'], call)
  const reason = new QuarryError('deadline_exceeded', 'too late')
  const refused = expect(gone).rejects.toBe(reason)
  caller.abort(reason)
  await refused
  expect((await other).vectors[0]).toHaveLength(16)
  expect(onlyChild()).not.toBe(pid)
})

test('a run that goes on within the grace keeps its process', async () => {
  const embedder = await open({ grace_ms: 60_000 })
  const pid = onlyChild()
  process.kill(pid, 'SIGSTOP')
  const caller = new AbortController()
  const gone = embedder.embedPassages(['late'], { tenant, signal: caller.signal })
  const refused = expect(gone).rejects.toMatchObject({ code: 'deadline_exceeded' })
  caller.abort()
  await refused
  process.kill(pid, 'SIGCONT')
  await embedder.embedPassages(['next'], call)
  expect(onlyChild()).toBe(pid)
})

test('a process that hangs is ended, and its text tried again', async () => {
  const embedder = await open({ run_ms: 200 })
  const pid = onlyChild()
  process.kill(pid, 'SIGSTOP')
  const { vectors } = await embedder.embedPassages(['patience'], call)
  expect(vectors[0]).toHaveLength(16)
  expect(onlyChild()).not.toBe(pid)
})

test('a process that hangs in the midst of a run is ended, and what it left is tried again', async () => {
  const embedder = await open({ run_ms: 300, batch_tokens: 64 })
  const pid = onlyChild()
  const texts = Array.from({ length: 4_000 }, (_, i) => `the harbour has ${i % 97} boats`)
  const pending = embedder.embedPassages(texts, call)
  await sleep(100)
  process.kill(pid, 'SIGSTOP')
  const { vectors } = await pending
  expect(onlyChild()).not.toBe(pid)
  const { vectors: again } = await embedder.embedPassages(texts.slice(0, 97), call)
  expect(vectors).toHaveLength(texts.length)
  vectors.forEach((vector, i) => {
    expectClose(vector, [...(again[i % 97] ?? [])])
  })
})

test('a process that dies in a run has its texts tried again', async () => {
  const embedder = await open()
  const pid = onlyChild()
  process.kill(pid, 'SIGSTOP')
  const pending = embedder.embedPassages(['one', 'two'], call)
  process.kill(pid, 'SIGKILL')
  expect((await pending).vectors).toHaveLength(2)
})

test('a process that dies while idle is replaced', async () => {
  const embedder = await open()
  const pid = onlyChild()
  process.kill(pid, 'SIGKILL')
  await expect.poll(() => children().filter((each) => each !== pid)).toHaveLength(1)
  expect((await embedder.embedPassages(['again'], call)).vectors).toHaveLength(1)
})

test.runIf(process.platform === 'linux')(
  'a process that outgrows its memory is ended, and its text tried again',
  async () => {
    // The least that can be set is less than Node with the runtime takes; a text alone is too quick to be seen.
    const embedder = await open({ memory_mib: 64 })
    const pid = onlyChild()
    process.kill(pid, 'SIGSTOP')
    expect((await embedder.embedPassages(['small'], call)).vectors).toHaveLength(1)
    expect(onlyChild()).not.toBe(pid)
  },
)

test('a reranking that is out of time returns what it has', async () => {
  const reranker = await openOnnxReranker({ folder: TINY, batch_pairs: 1 })
  leftovers.push(reranker.close)
  process.kill(onlyChild(), 'SIGSTOP')
  const caller = new AbortController()
  const pending = reranker.rerank('shard', [candidate('a shard', 0)], {
    tenant,
    signal: caller.signal,
    statistics: null,
    denseShare: 0,
  })
  caller.abort(new QuarryError('deadline_exceeded', 'too late'))
  expect(await pending).toEqual({ scores: [], documents: 0 })
})

test('a model whose files have changed is not mixed with the one that was opened', async () => {
  const folder = await variant({})
  const embedder = await open({ folder })
  const modes = { pooling_mode_cls_token: true }
  await writeFile(join(folder, '1_Pooling/config.json'), JSON.stringify(modes))
  process.kill(onlyChild(), 'SIGKILL')
  await expect
    .poll(() => embedder.embedPassages(['again'], call).catch((error) => error.message))
    .toMatch(/files in .* have changed since the model was opened/)
})

test('does not outlive its closing', async () => {
  const embedder = await open({ processes: 2 })
  expect(children()).toHaveLength(2)
  await embedder.close()
  await expect.poll(() => children()).toHaveLength(0)
  await expect(embedder.embedPassages(['late'], call)).rejects.toMatchObject({
    code: 'unavailable',
  })
})

test.each([
  ['a graph of noise', { 'model.onnx': 'no graph\u0000\u0001 at all' }, /cannot be opened/],
  ['an empty graph', { 'model.onnx': '' }, /model.onnx/],
  ['a tokenizer of noise', { 'tokenizer.json': '\u0000' }, /tokenizer.json is not JSON/],
  ['no word on pooling', { '1_Pooling': null, 'modules.json': null }, /set "pooling"/],
])('does not open a model with %s, and says why', async (_, changes, message) => {
  const folder = await variant(changes)
  const error = await openOnnxEmbedder({ folder }).catch((caught) => caught)
  expect(error).toBeInstanceOf(QuarryError)
  expect(error.message).toMatch(message)
  await expect.poll(() => children()).toHaveLength(0)
})
