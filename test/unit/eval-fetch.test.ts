import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { download } from '../../eval/fetch/download.ts'
import { fetchSet } from '../../eval/fetch/fetch-set.ts'
import { unpack } from '../../eval/fetch/unpack.ts'
import { readBeir } from '../../eval/formats/beir.ts'
import { type ZipEntry, zipOf } from '../support/zip.ts'

const files = {
  'tiny/corpus.jsonl': '{"_id":"d1","title":"T","text":"Diesel is sold here."}\n',
  'tiny/queries.jsonl': '{"_id":"q1","text":"where is diesel?"}\n',
  'tiny/qrels/test.tsv': 'query-id\tcorpus-id\tscore\nq1\td1\t1\n',
}
const entries = (): ZipEntry[] => [
  { name: 'tiny/', content: Buffer.alloc(0), mode: 0o40755 },
  ...Object.entries(files).map(([name, text]) => ({ name, content: Buffer.from(text) })),
]
const archive = zipOf(entries())
const md5 = createHash('md5').update(archive).digest('hex')

let answer: (request: IncomingMessage, response: ServerResponse) => void
let requests: IncomingMessage[] = []
let server: Server
let baseUrl: string
let folder: string
const signal = new AbortController().signal

beforeAll(async () => {
  server = createServer((request, response) => {
    requests.push(request)
    answer(request, response)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  baseUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
})
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'quarry-fetch-'))
  requests = []
  answer = serve(archive)
  return () => rm(folder, { recursive: true, force: true })
})
afterAll(() => void server.close())

/** As static file servers do, ranges too. */
function serve(bytes: Buffer): typeof answer {
  return (request, response) => {
    const from = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? '')?.[1] ?? 0)
    if (from >= bytes.length) response.writeHead(416).end()
    else
      response
        .writeHead(from > 0 ? 206 : 200, { 'content-length': bytes.length - from })
        .end(bytes.subarray(from))
  }
}

/** What a client has not read yet when the connection breaks is lost to it. */
async function untilWritten(path: string, bytes: number): Promise<void> {
  while ((await stat(path).catch(() => null))?.size !== bytes) await pause(5)
}

const fetchTiny = (changes = {}) =>
  fetchSet({ name: 'tiny', into: folder, baseUrl, md5, signal, ...changes })

describe('fetching a set', () => {
  it('leaves a folder that evaluation reads, and nothing else', async () => {
    const path = await fetchTiny()
    expect(requests.map(({ url }) => url)).toEqual(['/tiny.zip'])
    const dataset = await readBeir(path)
    expect(dataset.queries).toEqual([{ id: 'q1', text: 'where is diesel?' }])
    expect(await readdir(folder)).toEqual(['tiny'])
    await fetchTiny()
    expect(requests).toHaveLength(1)
  })

  it('goes on where a broken connection stopped', async () => {
    const half = Math.floor(archive.length / 2)
    answer = (_request, response) => {
      response.writeHead(200, { 'content-length': archive.length })
      response.write(archive.subarray(0, half))
      void untilWritten(join(folder, '.tiny.zip.part'), half).then(() => response.destroy())
    }
    await expect(fetchTiny()).rejects.toMatchObject({ code: 'unavailable', retryable: true })
    expect(await readdir(folder)).toEqual(['.tiny.zip.part'])
    answer = serve(archive)
    await fetchTiny()
    expect(requests.at(-1)?.headers.range).toBe(`bytes=${half}-`)
    expect(await readFile(join(folder, 'tiny/corpus.jsonl'), 'utf8')).toBe(
      files['tiny/corpus.jsonl'],
    )
  })

  it('begins anew with a server that knows no ranges, and takes a whole one as it lies', async () => {
    await writeFile(join(folder, '.tiny.zip.part'), archive.subarray(0, 10))
    answer = (_request, response) => void response.end(archive)
    await fetchTiny()
    await rm(join(folder, 'tiny'), { recursive: true })
    await writeFile(join(folder, '.tiny.zip.part'), archive)
    answer = serve(archive)
    await fetchTiny()
    expect(await readdir(folder)).toEqual(['tiny'])
  })

  it('removes what is not the published file', async () => {
    answer = serve(zipOf([{ name: 'tiny/other', content: Buffer.from('other') }]))
    await expect(fetchTiny()).rejects.toMatchObject({
      code: 'conflict',
      message: expect.stringMatching(/not the file that was published/),
    })
    expect(await readdir(folder)).toEqual([])
  })

  it('says what a server refused, and which sets there are', async () => {
    answer = (_request, response) => void response.writeHead(404).end()
    await expect(fetchTiny()).rejects.toMatchObject({ code: 'not_found' })
    answer = (_request, response) => void response.writeHead(500).end()
    await expect(fetchTiny()).rejects.toMatchObject({ code: 'upstream_failed' })
    for (const name of ['../up', 'unknown', ''])
      await expect(fetchTiny({ name, baseUrl: null })).rejects.toMatchObject({
        message: expect.stringMatching(/no public set.*scifact/),
      })
    await expect(fetchTiny({ name: '../up' })).rejects.toMatchObject({ code: 'invalid_request' })
  })

  it('stops when it is told to', async () => {
    answer = (_request, response) => void response.writeHead(200).write('begins')
    const controller = new AbortController()
    const fetching = fetchTiny({ signal: controller.signal })
    setTimeout(() => controller.abort(new Error('interrupted')), 50)
    await expect(fetching).rejects.toThrow('interrupted')
  })
})

describe('a download', () => {
  const get = (changes = {}) =>
    download({
      url: `${baseUrl}/x`,
      path: join(folder, 'x'),
      bytesMax: 100,
      idleMs: 2_000,
      md5: null,
      signal,
      ...changes,
    })

  it('ends at its cap, announced or not', async () => {
    answer = serve(Buffer.alloc(101))
    await expect(get()).rejects.toMatchObject({ code: 'payload_too_large' })
    answer = (_request, response) => void response.end(Buffer.alloc(101))
    await expect(get()).rejects.toMatchObject({ code: 'payload_too_large' })
    answer = serve(Buffer.alloc(100))
    await get()
    expect(await readFile(join(folder, 'x'))).toHaveLength(100)
  })

  it('does not wait for a server that has fallen silent', async () => {
    answer = (_request, response) => void response.writeHead(200).write('begins')
    await expect(get({ idleMs: 50 })).rejects.toMatchObject({ code: 'unavailable' })
    answer = () => {}
    await expect(get({ idleMs: 50, path: join(folder, 'y') })).rejects.toMatchObject({
      code: 'unavailable',
    })
  })
})

describe('an archive', () => {
  const limits = { entriesMax: 10, bytesMax: 10_000_000, ratioMax: 100 }
  const text = (name: string, changes: Partial<ZipEntry> = {}): ZipEntry => ({
    name,
    content: Buffer.from('content'),
    ...changes,
  })
  const refusal = async (zip: Buffer, changes = {}): Promise<string> => {
    const path = join(folder, 'a.zip')
    await writeFile(path, zip)
    return unpack(path, join(folder, 'out', 'in'), { ...limits, ...changes }, signal).then(
      () => 'unpacked',
      (error: Error & { code?: string }) => `${error.code} ${error.message}`,
    )
  }

  it.each([
    ['leads out of the folder', [text('../out.txt')], /invalid relative path|\.\./],
    ['names an absolute path', [text('/etc/passwd')], /absolute path/],
    ['names a path of Windows', [text('a\\..\\b')], /invalid characters|backslash/],
    ['holds a link', [text('link', { mode: 0o120777 })], /"link" is a link or a device/],
    ['is larger inside than it says', [text('a', { claimedBytes: 3 })], /too many bytes/],
    ['is damaged', [text('a', { claimedCrc: 1 })], /"a" is damaged/],
    ['is a bomb', [text('a', { content: Buffer.alloc(3_000_000) })], /more than 100 times/],
  ])('that %s is refused', async (_what, list, reason) => {
    const message = await refusal(zipOf(list))
    expect(message).toMatch(/^invalid_request .*is not unpacked/)
    expect(message).toMatch(reason)
    expect(await readdir(folder)).not.toContain('out.txt')
  })

  it('that has too many files, too many bytes, or is none at all is refused', async () => {
    const two = zipOf([text('a'), text('b')])
    expect(await refusal(two)).toBe('unpacked')
    expect(await refusal(two, { entriesMax: 1 })).toMatch(/more than 1 files/)
    expect(await refusal(two, { bytesMax: 13 })).toMatch(/14 bytes, and 13 are allowed/)
    expect(await refusal(Buffer.from('no zip at all, but long enough to be one'))).toMatch(
      /cannot be read as zip/,
    )
  })
})
