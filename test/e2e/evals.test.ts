import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { loadConfig } from '../../src/config/load.ts'
import type { Config } from '../../src/config/schema.ts'
import { type RunningServer, startServer } from '../../src/http/server.ts'
import { createLog } from '../../src/observe/log.ts'
import { diagnose } from '../../src/service/diagnose.ts'
import { adapterSchemas, openService, type Service } from '../../src/service.ts'
import { type Api, apiAt } from '../support/api.ts'
import { runQuarry } from '../support/quarry-process.ts'

const TEXTS = {
  fuel: 'Diesel is sold at the eastern pontoon between eight and noon.',
  crane: 'The crane lifts boats of up to twelve tonnes on weekdays.',
  gulls: 'Gulls nest under the crane and may not be fed.',
  showers: 'Showers are open all night; the code is on your receipt.',
}
const QUESTIONS = {
  fuel: 'Where is diesel sold?',
  crane: 'How many tonnes does the crane lift?',
  showers: 'When are the showers open?',
}

const log = createLog({ level: 'silent' })
let folder: string
let config: Config
let service: Service
let running: RunningServer | undefined
let url: string
let api: Api
const quarry = (args: readonly string[], input?: string) =>
  runQuarry(args, { QUARRY_URL: url, QUARRY_TENANT: 'acme' }, input)

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'quarry-evals-'))
  const sources = { flags: { data_dir: folder }, env: {}, file: undefined }
  config = { ...(await loadConfig(adapterSchemas, sources)), insecure_no_auth: true }
  service = await openService(config, { roles: { worker: true, replica: true }, log })
  await service.ready
  running = await startServer(service.app, { host: '127.0.0.1', port: 0, ...service.serverLimits })
  url = running.url
  api = apiAt(url, 'none')
  await api.call('PUT', '/v1/collections/harbour', {})
  const documents = Object.entries(TEXTS).map(([id, text]) => ({ id, text }))
  const path = '/v1/collections/harbour/documents:batch?wait=indexed&wait_ms=60000'
  expect((await api.call('POST', path, { documents })).body.indexed).toBe(true)
}, 120_000)

async function stop(): Promise<void> {
  await running?.close(0)
  running = undefined
  await service?.close(0)
}

afterAll(async () => {
  await stop()
  await rm(folder, { recursive: true, force: true })
})

test('retrievals become golden queries, and golden queries numbers', {
  timeout: 120_000,
}, async () => {
  for (const [id, query] of Object.entries(QUESTIONS)) {
    const asked = await api.call('POST', '/v1/retrieve', { collection: 'harbour', query })
    const { status, body } = await api.call('POST', '/v1/golden-queries:promote', {
      collection: 'harbour',
      retrieval_id: asked.body.retrieval_id,
      relevant: { [id]: 1 },
    })
    expect(status).toBe(201)
    expect(body).toMatchObject({ query, missing_documents: [] })
  }
  const started = await api.call('POST', '/v1/evals', { collection: 'harbour', depth: 20 })
  expect(started.status).toBe(202)
  let run = started.body
  while (run.state === 'queued' || run.state === 'running') {
    await sleep(20)
    run = (await api.call('GET', `/v1/evals/${run.id}`)).body
  }
  expect(run.reason).toBeNull()
  const stages = run.result.stages.map(({ stage }: { stage: string }) => stage)
  expect(stages).toEqual(['dense', 'lexical', 'fused', 'reranked'])
  for (const { answers, metrics } of run.result.stages) {
    expect(answers).toMatchObject({ asked: 3, whole: 3, cached: 0 })
    expect(metrics['recall@10'].mean).toBe(1)
  }
  expect(run.result.stages[3].metrics['mrr@10'].mean).toBe(1)
  expect(run.result.quarry_version).toMatch(/^\d+\.\d+\.\d+/)
})

test('the command line imports, promotes, lists and exports', { timeout: 120_000 }, async () => {
  const file = join(folder, 'golden.jsonl')
  const line = { id: 'a', query: 'Who nests?', relevant: { gulls: 1, nowhere: 2 }, tags: ['birds'] }
  await writeFile(file, `${JSON.stringify(line)}\n`)
  const imported = await quarry(['golden', 'import', file, '-c', 'harbour'])
  expect(imported.stderr).toBe('')
  expect(imported.stdout).toBe(
    '1 golden queries into "harbour": 1 new, 0 replaced\n  not in the collection now: 1 (nowhere)\n',
  )
  const [broken, unreadable] = await Promise.all([
    quarry(['golden', 'import', '-', '-c', 'harbour'], '{"id":"b","query":"b?"}\n'),
    quarry(['golden', 'import', join(folder, 'nothing'), '-c', 'harbour']),
  ])
  expect(broken).toMatchObject({ code: 2, stderr: expect.stringMatching(/line 1 \/relevant/) })
  expect(unreadable).toMatchObject({ code: 2, stderr: expect.stringMatching(/cannot be read/) })

  const asked = await api.call('POST', '/v1/retrieve', {
    collection: 'harbour',
    query: 'Feed gulls?',
  })
  const id: string = asked.body.retrieval_id
  const judged = ['--relevant', 'gulls=2', 'fuel=0', '-c', 'harbour']
  const promoted = await quarry(['golden', 'promote', id, ...judged])
  expect(promoted.stderr).toBe('')
  expect(promoted.stdout).toContain(`${id}: Feed gulls?\n  not judged: `)
  const forgotten = await quarry(['golden', 'promote', 'ret_old', ...judged])
  expect(forgotten).toMatchObject({ code: 1, stderr: expect.stringMatching(/not remembered here/) })

  const list = await quarry(['golden', 'list', '-c', 'harbour', '--tag', 'birds'])
  expect(list.stdout).toMatch(
    /^id +query +relevant +tags +source\na +Who nests\? +2 +birds +imported\n$/,
  )
  const exported = await quarry(['golden', 'export', '-c', 'harbour'])
  const lines = exported.stdout
    .trimEnd()
    .split('\n')
    .map((text) => JSON.parse(text))
  expect(lines).toHaveLength(5)
  expect(lines.find((each) => each.id === id)).toMatchObject({ relevant: { gulls: 2, fuel: 0 } })
  const back = await quarry(['golden', 'import', '-', '-c', 'harbour', '--json'], exported.stdout)
  expect(JSON.parse(back.stdout)).toMatchObject({ imported: 5, created: 0, updated: 5 })
})

test('doctor looks at the latest evals', { timeout: 120_000 }, async () => {
  await stop()
  const findings = await diagnose(config, log)
  const asked = findings.find(({ name }) => name === 'evals')
  expect(asked).toMatchObject({ state: 'ok' })
})
