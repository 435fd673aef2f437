import { once } from 'node:events'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { request } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Api, apiAt } from '../support/api.ts'
import {
  type QuarryProcess,
  runQuarry,
  spawnQuarry,
  startQuarry,
} from '../support/quarry-process.ts'

let folder: string
let server: QuarryProcess
let api: Api
const data = () => join(folder, 'data')
/** A client of the running server, through the same variables that people set. */
const remote = () => ({
  QUARRY_URL: server.url,
  QUARRY_KEY: server.firstKey ?? '',
  QUARRY_TENANT: 'acme',
})
const quarry = (args: readonly string[], input?: string) => runQuarry(args, remote(), input)

async function put(path: string, content: string): Promise<void> {
  await mkdir(join(folder, path, '..'), { recursive: true })
  await writeFile(join(folder, path), content)
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'quarry-cli-'))
  await put('docs/fuel.md', '# Fuel\n\nDiesel is sold at the eastern pontoon.\n')
  await put('docs/deep/gulls.txt', 'Gulls nest under the crane.\n')
  await put('docs/deep/prices.json', '{"berth":{"metre":4}}')
  server = await startQuarry({
    command: 'serve',
    env: { QUARRY_DATA_DIR: data(), QUARRY_LIMITS__DRAIN_NOTICE_MS: '1500' },
    args: ['--host', '0.0.0.0'],
  })
  api = apiAt(server.url, server.firstKey ?? '')
}, 120_000)

afterAll(async () => {
  await server?.kill()
  await rm(folder, { recursive: true, force: true })
})

describe('a first start', () => {
  it('shows an admin key once, and listens on this machine only until there is one', () => {
    expect(server.firstKey).toMatch(/^qk_/)
    expect(server.output().split(server.firstKey ?? 'none')).toHaveLength(2)
    expect(server.url).toContain('127.0.0.1')
    expect(server.output()).toMatch(
      /Until the next start only this machine can connect; then 0\.0\.0\.0/,
    )
  })

  it('holds its folder: a second server and a command without --url are told so', async () => {
    const env = { QUARRY_DATA_DIR: data() }
    const [serve, ingest] = await Promise.all([
      runQuarry(['serve', '--port', '0'], env),
      runQuarry(['ingest', join(folder, 'docs')], env),
    ])
    for (const { code, stderr } of [serve, ingest]) {
      expect(code).toBe(1)
      expect(stderr).toMatch(/^quarry: the data folder .*pass --url/)
      expect(stderr).not.toContain('    at ')
    }
  })
})

describe('ingest', () => {
  it('takes a folder, and does nothing the second time', async () => {
    const first = await quarry(['ingest', join(folder, 'docs'), '-c', 'handbook'])
    expect(first.stderr).toBe('')
    expect(first.stdout).toMatch(
      /3 documents into "handbook"[\s\S]*3 new, 0 changed, 0 unchanged\n {2}3 indexed, 0 failed/,
    )
    expect(first.code).toBe(0)
    const again = await quarry(['ingest', join(folder, 'docs'), '-c', 'handbook', '--json'])
    expect(JSON.parse(again.stdout)).toMatchObject({
      documents: 3,
      created: 0,
      updated: 0,
      unchanged: 3,
      failed: [],
    })
    const { body } = await api.call('GET', '/v1/collections/handbook/documents')
    expect(body.documents.map(({ id }: { id: string }) => id)).toEqual([
      'deep/gulls.txt',
      'deep/prices.json',
      'fuel.md',
    ])
  })

  it('gives a glob and a single file the same ids as ever', async () => {
    const [glob, file] = await Promise.all([
      quarry(['ingest', join(folder, 'docs/**/*.txt'), '-c', 'handbook', '--json']),
      quarry(['ingest', join(folder, 'docs/fuel.md'), '-c', 'handbook', '--json']),
    ])
    expect(JSON.parse(glob.stdout)).toMatchObject({ documents: 1, unchanged: 1 })
    expect(file.code).toBe(0)
  })

  it('reads JSONL from standard input, and reports bad lines while the rest comes in', async () => {
    const lines = [
      '{"_id":"tug","title":"Tug","text":"The tugboat is called Ragna."}',
      '{"_id":"cut',
      '{"_id":"crane","text":"The crane lifts forty tonnes.","metadata":{"kind":"machine"}}',
      `{"_id":"${'x'.repeat(300)}","text":"An id longer than any may be."}`,
    ]
    const { code, stdout } = await quarry(
      ['ingest', '-', '-c', 'handbook', '--json'],
      lines.join('\n'),
    )
    expect(code).toBe(1)
    const { created, failed } = JSON.parse(stdout)
    expect(created).toBe(2)
    expect(failed).toEqual([
      { document: 'stdin line 2', reason: 'it is not JSON: it ends too early' },
      { document: 'x'.repeat(300), reason: expect.stringContaining('256 bytes') },
    ])
    const crane = await api.call('GET', '/v1/collections/handbook/documents/crane')
    expect(crane.body.metadata).toEqual({ kind: 'machine' })
  })

  it('reports a file of no known type and one that the parser refuses', async () => {
    await put('mixed/a.bin', 'PK\u0003\u0004')
    await put('mixed/b.pdf', '%PDF-1.4 broken')
    await put('mixed/c.md', 'Fine.')
    const { code, stdout } = await quarry(['ingest', join(folder, 'mixed/*'), '-c', 'mixed'])
    expect(code).toBe(1)
    expect(stdout).toMatch(/1 indexed, 2 failed/)
    expect(stdout).toMatch(/✗ a\.bin: .*ZIP/)
    expect(stdout).toMatch(/✗ b\.pdf: .*PDF/)
  })

  it('stops at SIGINT with a summary and 130', async () => {
    const child = spawnQuarry(['ingest', '-', '-c', 'endless', '--json'], remote())
    const output: Buffer[] = []
    child.stdout.on('data', (part: Buffer) => output.push(part))
    for (let line = 0; line < 500; line++)
      child.stdin.write(
        `${JSON.stringify({ id: `l${line}`, text: `Line ${line}. `.repeat(50) })}\n`,
      )
    // Standard input stays open: there is always more to come.
    await eventually(async () => {
      const { body } = await api.call('GET', '/v1/collections/endless/documents')
      return body.documents?.length > 0
    })
    child.kill('SIGINT')
    const [code] = (await once(child, 'close')) as [number | null]
    expect(code).toBe(130)
    const summary = JSON.parse(Buffer.concat(output).toString('utf8'))
    expect(summary.interrupted).toBe(true)
    expect(summary.documents).toBeGreaterThan(0)
  })
})

describe('retrieve', () => {
  it('prints hits with their scores for people and the answer for programs', async () => {
    const ask = ['retrieve', 'Where is diesel sold?', '-c', 'handbook', '-k', '2']
    const [text, json] = await Promise.all([
      quarry([...ask, '--prompt', '--max-tokens', '300']),
      quarry([
        ...ask,
        '--json',
        '--filter',
        '{"must":[{"field":"kind","op":"eq","value":"machine"}]}',
      ]),
    ])
    expect(text.code).toBe(0)
    expect(text.stdout).toMatch(/1 {2}fuel\.md › Fuel\n {5}score \d\.\d+ {3}dense #1/)
    expect(text.stdout).toMatch(/prompt: \d+ tokens/)
    const answer = JSON.parse(json.stdout)
    expect(answer.hits.map((hit: { document_id: string }) => hit.document_id)).toEqual(['crane'])
  })
})

describe('keys', () => {
  it('a key made here works over HTTP until it is revoked', async () => {
    const made = await quarry([
      'keys',
      'create',
      '--name',
      'reader',
      '--scope',
      'retrieve',
      '--for-tenant',
      'acme',
      '--json',
    ])
    expect(made.code).toBe(0)
    const { id, key } = JSON.parse(made.stdout)
    const reader = api.withKey(key)
    const ask = () => reader.call('POST', '/retrieve', { collection: 'handbook', query: 'crane' })
    expect((await ask()).status).toBe(200)
    const listed = await quarry(['keys', 'list'])
    expect(listed.stdout).toMatch(new RegExp(`${id} +reader +retrieve +acme +live`))
    expect(listed.stdout).not.toContain(key)
    const revoked = await quarry(['keys', 'revoke', id])
    expect(revoked.stdout).toBe(`revoked ${id}\n`)
    await eventually(async () => (await ask()).status === 401, 1_500)
    expect((await quarry(['keys', 'revoke', 'no such/key'])).stderr).toContain(
      'no live key "no such/key"',
    )
  })
})

describe('doctor', () => {
  it('says what answers and what does not, without hiding one behind the other', async () => {
    const env = {
      QUARRY_DATA_DIR: join(folder, 'doctor'),
      QUARRY_EMBEDDERS__REMOTE: JSON.stringify({
        adapter: 'openai-compatible',
        base_url: 'http://127.0.0.1:9/v1',
        api_key: 'sk-very-secret',
        model: 'm',
      }),
      QUARRY_EMBEDDERS__DEFAULT__ADAPTER: 'hashed',
    }
    const bad = await runQuarry(['doctor', '--json'], env)
    expect(bad.code).toBe(1)
    expect(bad.stdout).not.toContain('sk-very-secret')
    const { healthy, config, findings } = JSON.parse(bad.stdout)
    expect(healthy).toBe(false)
    expect(config.embedders.remote.options.api_key).toBe('***')
    const states = findings.map(({ name, state }: Record<string, string>) => [name, state])
    expect(Object.fromEntries(states)).toEqual({
      catalog: 'ok',
      'local engine': 'ok',
      queue: 'ok',
      'store local': 'ok',
      'embedder default': 'ok',
      'embedder remote': 'failed',
      'reranker late-interaction': 'ok',
      'reranker lexical': 'ok',
      evals: 'ok',
    })
    const good = await runQuarry(['doctor'], { QUARRY_DATA_DIR: join(folder, 'doctor') })
    expect(good.code).toBe(0)
    expect(good.stdout).toMatch(/✓ {2}queue +in the catalog; 0 deliveries wait/)
  })
})

describe('usage', () => {
  const wrong: [string, string[], RegExp][] = [
    ['an unknown command', ['ingset'], /unknown command 'ingset'[\s\S]*Did you mean ingest/],
    ['an unknown option', ['retrieve', 'x', '--topk', '3'], /unknown option '--topk'/],
    ['a number that is none', ['retrieve', 'x', '-k', 'many'], /whole number from 1 to/],
    [
      'a filter that is not JSON',
      ['retrieve', 'x', '--filter', '{"must":[x]}'],
      /line 1, column 10/,
    ],
    ['a mode that there is not', ['retrieve', 'x', '--mode', 'both'], /Allowed choices are hybrid/],
    [
      'a scope that there is not',
      ['keys', 'create', '--name', 'n', '--scope', 'root'],
      /Allowed choices are retrieve, ingest, admin, eval/,
    ],
    ['a worker without Postgres', ['work'], /work needs DATABASE_URL/],
    ['a file that is not there', ['ingest', 'nowhere.md'], /no file or folder nowhere\.md/],
    ['nothing on standard input', ['ingest', '-'], /standard input is empty/],
    [
      'a setting that there is not',
      ['doctor', '--config', 'nowhere.json'],
      /nowhere\.json: there is no such file/,
    ],
  ]
  it('wrong usage exits with 2 and says what would be right', async () => {
    for (let at = 0; at < wrong.length; at += 2)
      await Promise.all(
        wrong.slice(at, at + 2).map(async ([what, args, message]) => {
          const isRemote = args[1] === '-'
          const { code, stderr, stdout } = await runQuarry(args, isRemote ? remote() : {}, '')
          expect(code, what).toBe(2)
          expect(stderr, what).toMatch(message)
          expect(stdout, what).toBe('')
        }),
      )
  })

  it('a service that is not there exits with 3', async () => {
    const { code, stderr } = await runQuarry(['retrieve', 'x', '--url', 'http://127.0.0.1:9'], {})
    expect(code).toBe(3)
    expect(stderr).toContain('no answer from http://127.0.0.1:9: is the service running there?')
  })

  it('--version and --help', async () => {
    const [version, help] = await Promise.all([
      runQuarry(['--version'], {}),
      runQuarry(['ingest', '--help'], {}),
    ])
    expect(version).toMatchObject({ code: 0, stdout: expect.stringMatching(/^\d+\.\d+\.\d+\n$/) })
    expect(help.code).toBe(0)
    expect(help.stdout).toMatch(/Examples:\n {2}\$ quarry ingest/)
  })
})

describe('stopping', () => {
  it('says not ready, finishes what is under way, exits with 0, and the next start has no key to show', async () => {
    const path = '/v1/collections/handbook/documents/slow'
    // Large enough for a thread to read it, which must not keep the process alive.
    const body = 'Sent in two halves. '.repeat(5_000)
    const slow = request(new URL(path, server.url), {
      method: 'PUT',
      headers: {
        authorization: `Bearer ${server.firstKey}`,
        'x-tenant-id': 'acme',
        'content-type': 'text/plain',
        'content-length': body.length,
      },
    })
    const answered = once(slow, 'response')
    slow.write(body.slice(0, 50_000))
    expect((await api.call('GET', '/readyz')).status).toBe(200)
    const stopped = server.stop()
    await eventually(async () => {
      const { status, body: said } = await api.call('GET', '/readyz')
      return status === 503 && said.reasons.includes('the process is stopping')
    }, 1_400)
    slow.end(body.slice(50_000))
    const [response] = (await answered) as [{ statusCode: number }]
    expect([201, 202]).toContain(response.statusCode)
    const answeredMs = performance.now()
    expect(await stopped).toBe(0)
    expect(performance.now() - answeredMs).toBeLessThan(15_000)

    const key = server.firstKey ?? ''
    server = await startQuarry({ command: 'serve', env: { QUARRY_DATA_DIR: data() } })
    expect(server.firstKey).toBeNull()
    expect((await apiAt(server.url, key).call('GET', path)).status).toBe(200)
  })
})

async function eventually(isTrue: () => Promise<boolean>, withinMs = 20_000): Promise<void> {
  const endsAtMs = performance.now() + withinMs
  while (!(await isTrue())) {
    if (performance.now() > endsAtMs) throw new Error(`not so within ${withinMs} ms`)
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}
