import { createHash } from 'node:crypto'
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { openOnnxEmbedder } from '../../adapters/embedders/onnx.ts'
import { type PullOptions, pullModel } from '../../bin/pull-model.ts'
import { TINY } from '../support/model-folder.ts'

const COMMIT = '0123456789abcdef0123456789abcdef01234567'

/** A hub on loopback in the manner of the public one: HEAD tells, large files are redirected, ranges resume. */
class Hub {
  readonly files = new Map<string, Buffer>()
  /** Answers to GET are cut after so many bytes, once. */
  cutAfter: number | null = null
  corrupt: string | null = null
  readonly asked: string[] = []
  #server: Server | null = null
  url = ''

  async start(): Promise<void> {
    const server = createServer((request, response) => this.#answer(request, response))
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    this.#server = server
    this.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  }

  async stop(): Promise<void> {
    this.#server?.closeAllConnections()
    await new Promise((resolve) => this.#server?.close(resolve))
  }

  #answer(request: IncomingMessage, response: ServerResponse): void {
    const path = request.url ?? ''
    this.asked.push(`${request.method} ${path} ${request.headers.range ?? ''}`.trim())
    const match = /^\/(?:acme\/tiny\/resolve\/([^/]+)|store)\/(.+)$/.exec(path)
    const [, revision, name = ''] = match ?? []
    const content = this.files.get(name)
    const known = revision === undefined || revision === 'main' || revision === COMMIT
    if (content === undefined || !known) return void response.writeHead(404).end()
    const large = name.endsWith('.onnx')
    if (large && path.startsWith('/acme')) {
      const sha = createHash('sha256').update(content).digest('hex')
      response.writeHead(302, {
        location: `/store/${name}`,
        'x-linked-etag': `"${sha}"`,
        'x-linked-size': content.length,
        'x-repo-commit': COMMIT,
      })
      return void response.end()
    }
    this.#send(request, response, name, content)
  }

  #send(request: IncomingMessage, response: ServerResponse, name: string, content: Buffer): void {
    const blob = createHash('sha1').update(`blob ${content.length}\0`).update(content)
    const from = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? '')?.[1] ?? 0)
    const body = Buffer.from(content.subarray(from))
    if (this.corrupt === name) body[0] = (body[0] ?? 0) ^ 1
    response.writeHead(from > 0 ? 206 : 200, {
      etag: `"${blob.digest('hex')}"`,
      'x-repo-commit': COMMIT,
      'content-length': body.length,
    })
    if (request.method === 'HEAD') return void response.end()
    const cut = this.cutAfter
    if (cut === null || cut >= body.length) return void response.end(body)
    this.cutAfter = null
    response.write(body.subarray(0, cut), () => setTimeout(() => response.destroy(), 20))
  }
}

const TINY_FILES = [
  'config.json',
  'model.onnx',
  'tokenizer.json',
  'vocab.txt',
  'tokenizer_config.json',
  'modules.json',
  'sentence_bert_config.json',
  '1_Pooling/config.json',
]

let hub: Hub
let root: string
beforeEach(async () => {
  hub = new Hub()
  for (const name of TINY_FILES) hub.files.set(name, await readFile(join(TINY, name)))
  await hub.start()
  root = await mkdtemp(join(tmpdir(), 'quarry-pull-'))
})
afterEach(async () => {
  await hub.stop()
  await rm(root, { recursive: true, force: true })
})

function pull(options: Partial<PullOptions> = {}): Promise<void> {
  return pullModel({
    repo: 'acme/tiny',
    revision: 'main',
    to: join(root, 'tiny'),
    baseUrl: hub.url,
    file: null,
    signal: new AbortController().signal,
    ...options,
  })
}

test('brings a model that can be opened, and says where it came from', async () => {
  await pull()
  const folder = join(root, 'tiny')
  for (const name of TINY_FILES)
    expect(await readFile(join(folder, name))).toEqual(hub.files.get(name))
  const source = JSON.parse(await readFile(join(folder, 'source.json'), 'utf8'))
  expect(source).toEqual({ repo: 'acme/tiny', revision: COMMIT })
  expect(await readdir(root)).toEqual(['tiny'])
  const embedder = await openOnnxEmbedder({ folder })
  await embedder.close()
  expect(embedder.profile.model).toBe('tiny')
})

test('takes every file from the commit that the revision stood for at the start', async () => {
  await pull()
  const others = hub.asked.filter((line) => line.includes('/acme/') && !line.includes(COMMIT))
  expect(others).toEqual(['HEAD /acme/tiny/resolve/main/config.json'])
})

test('looks for the graph where exporters put it, or where it is told', async () => {
  const graph = hub.files.get('model.onnx') ?? Buffer.alloc(0)
  hub.files.delete('model.onnx')
  hub.files.set('onnx/model.onnx', graph)
  hub.files.set('onnx/model_quantized.onnx', graph)
  await pull()
  expect(await readdir(join(root, 'tiny', 'onnx'))).toEqual(['model.onnx'])
  await pull({ to: join(root, 'small'), file: 'onnx/model_quantized.onnx' })
  expect(await readdir(join(root, 'small', 'onnx'))).toEqual(['model_quantized.onnx'])
})

test('goes on where a broken connection stopped, and shows nothing before it is complete', async () => {
  hub.cutAfter = 20_000
  await expect(pull()).rejects.toMatchObject({ retryable: true })
  expect((await readdir(root)).filter((name) => !name.startsWith('.'))).toEqual([])
  hub.asked.length = 0
  await pull()
  const ranges = hub.asked.filter((line) => /bytes=/.test(line) && line.includes('/store/'))
  expect(ranges).toHaveLength(1)
  expect(await readFile(join(root, 'tiny', 'model.onnx'))).toEqual(hub.files.get('model.onnx'))
  expect(
    hub.asked.filter((line) => line.startsWith('GET') && line.includes('config.json')),
  ).toEqual(
    hub.asked.filter((line) => /GET .*(tokenizer_config|sentence_bert|1_Pooling)/.test(line)),
  )
})

test.each(['model.onnx', 'vocab.txt'])(
  'refuses %s when it is not what was announced',
  async (name) => {
    hub.corrupt = name
    await expect(pull()).rejects.toMatchObject({
      code: 'conflict',
      message: expect.stringMatching(/checksum/),
    })
    expect(await readdir(root)).not.toContain('tiny')
    hub.corrupt = null
    await pull()
  },
)

test('says what a repository does not have', async () => {
  hub.files.delete('model.onnx')
  await expect(pull()).rejects.toMatchObject({
    code: 'not_found',
    message: expect.stringMatching(/no model.onnx or onnx\/model.onnx/),
  })
  await expect(pull({ repo: 'acme/none' })).rejects.toMatchObject({ code: 'not_found' })
})

test('leaves a folder that is there alone', async () => {
  await pull()
  await expect(pull()).rejects.toMatchObject({ code: 'conflict' })
})

test('does not take a file beyond its cap', async () => {
  hub.files.set('vocab.txt', Buffer.alloc(65 * 1024 * 1024))
  await expect(pull()).rejects.toMatchObject({ code: 'payload_too_large' })
})
