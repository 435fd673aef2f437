import { execFileSync } from 'node:child_process'
import { deflateSync } from 'node:zlib'
import { afterAll, describe, expect, test } from 'vitest'
import { DEFAULT_LIMITS } from '../../src/core/limits.ts'
import type { MediaType } from '../../src/ingest/document.ts'
import {
  openParser,
  type ParseResult,
  type Parser,
  type ParserOptions,
} from '../../src/ingest/parse/parse-document.ts'
import { pdfOf } from '../support/pdf.ts'

const chunker = { tokensMax: 384, overlapTokens: 0 }
const opened: Parser[] = []
const never = new AbortController().signal
/** Looks at other processes, as only Linux lets it. */
const onLinux = test.runIf(process.platform === 'linux')

function open(options: Partial<ParserOptions> = {}): Parser {
  const parser = openParser({ ...DEFAULT_LIMITS, parseChildren: 1, ...options })
  opened.push(parser)
  return parser
}

afterAll(() => {
  for (const parser of opened) parser.close()
})

function parse(
  parser: Parser,
  content: string | Uint8Array,
  mediaType: MediaType = 'text/markdown',
  signal: AbortSignal = never,
): Promise<ParseResult> {
  const bytes = typeof content === 'string' ? new TextEncoder().encode(content) : content
  return parser.parse({ content: bytes, mediaType, title: null, chunker }, signal)
}

/** The longest time this process's loop was held while the work ran. */
async function longestHoldMs(work: () => Promise<unknown>): Promise<number> {
  let longest = 0
  let last = performance.now()
  const timer = setInterval(() => {
    const now = performance.now()
    longest = Math.max(longest, now - last)
    last = now
  }, 5)
  await work()
  clearInterval(timer)
  return longest
}

describe('a document in, passages out', () => {
  const parser = open({ parseChildren: 2 })

  test('title, metadata, passages and length come back', async () => {
    const result = await parse(parser, '---\nlang: en\n---\n# Guide\n\nHello there.')
    expect(result.title).toBe('Guide')
    expect(result.metadata).toEqual({ lang: 'en' })
    expect(result.chunks.map(({ text }) => text)).toEqual(['# Guide\n\nHello there.'])
    expect(result.textLength).toBe(38)
  })

  test("the caller's title wins and heads the context", async () => {
    const content = new TextEncoder().encode('# Guide\n\nHello.')
    const document = { content, mediaType: 'text/markdown', title: 'Mine', chunker } as const
    const result = await parser.parse(document, never)
    expect(result.title).toBe('Mine')
    expect(result.chunks[0]?.context).toBe('Mine › Guide')
  })

  test.each<[MediaType, string | Uint8Array, string]>([
    ['text/plain', 'Hello', 'Hello'],
    ['text/html', '<p>Hello', 'Hello'],
    ['application/json', '{"a":"Hello"}', 'a: Hello'],
    ['application/jsonl', '1\n2', '1\n\n2'],
    ['application/pdf', pdfOf([['Hello']]), 'Hello'],
  ])('%s is read', async (mediaType, content, text) => {
    const { chunks } = await parse(parser, content, mediaType)
    expect(chunks.map((chunk) => chunk.text)).toEqual([text])
    expect(chunks[0]?.page).toBe(mediaType === 'application/pdf' ? 1 : null)
  })

  test('an empty document has no passages', async () => {
    expect((await parse(parser, '')).chunks).toEqual([])
  })

  test('many at once all come back, each its own', async () => {
    const names = Array.from({ length: 200 }, (_, n) => `document ${n}`)
    const results = await Promise.all(names.map((name) => parse(parser, name, 'text/plain')))
    expect(results.map(({ chunks }) => chunks[0]?.text)).toEqual(names)
  })

  test('a long document passes in parts and does not hold the loop', async () => {
    const content = `## Part\n\n${'A sentence of some words. '.repeat(40)}\n\n`.repeat(5_000)
    let result: ParseResult | undefined
    const held = await longestHoldMs(async () => {
      result = await parse(parser, content)
    })
    expect(result?.textLength).toBe(content.length)
    expect(result?.chunks.length).toBe(5_000)
    expect(held).toBeLessThan(250)
  })

  test('the faults of a document are `unsupported` and leave the child well', async () => {
    await expect(parse(parser, '{"a":', 'application/json')).rejects.toMatchObject({
      code: 'unsupported',
      retryable: false,
      message: 'The document is not valid JSON: it ends too early.',
    })
    expect((await parse(parser, 'fine')).chunks).toHaveLength(1)
  })

  test('a document above the size limit never reaches a child', async () => {
    const small = open({ documentBytes: 10 })
    await expect(parse(small, 'x'.repeat(11))).rejects.toMatchObject({ code: 'payload_too_large' })
  })

  test('more passages than allowed are refused with both numbers', async () => {
    const few = open({ chunksPerDocument: 2 })
    await expect(parse(few, '# A\n\na\n\n# B\n\nb\n\n# C\n\nc')).rejects.toMatchObject({
      code: 'unsupported',
      message: expect.stringMatching(/makes 3 passages.*2 are allowed/),
    })
  })
})

describe('what goes wrong stays in the child', () => {
  const parser = open({ parseMs: 20_000 })

  const hostile: [string, MediaType, () => string | Uint8Array, RegExp][] = [
    [
      '100k nested <div>',
      'text/html',
      () => '<div>'.repeat(100_000),
      /nests markup deeper than the 512/,
    ],
    [
      'deep JSON',
      'application/json',
      () => '['.repeat(100_000) + ']'.repeat(100_000),
      /nests JSON deeper/,
    ],
    ['binary as text', 'text/plain', () => new Uint8Array([80, 75, 3, 4, 0, 0, 1]), /binary/],
    [
      'a truncated PDF',
      'application/pdf',
      () => pdfOf([['Hello']]).subarray(0, 180),
      /not a readable PDF|no text|damaged/,
    ],
    ['rubbish as PDF', 'application/pdf', () => 'hello', /not a readable PDF/],
  ]
  test.each(hostile)(
    '%s is refused, the next document parses',
    async (_name, mediaType, make, message) => {
      const content = make()
      const held = await longestHoldMs(async () => {
        await expect(parse(parser, content, mediaType)).rejects.toMatchObject({
          code: 'unsupported',
          retryable: false,
          message: expect.stringMatching(message),
        })
      })
      expect(held).toBeLessThan(250)
      expect((await parse(parser, 'next')).chunks[0]?.text).toBe('next')
    },
  )

  const heavy: [string, MediaType, () => string][] = [
    ['20k nested quotes', 'text/markdown', () => `${'>'.repeat(20_000)} end`],
    ['a line of a million stars', 'text/markdown', () => '* '.repeat(500_000)],
    ['a million brackets', 'text/markdown', () => `# ${'['.repeat(1_000_000)}`],
    ['unclosed tags', 'text/html', () => '<p>'.repeat(200_000)],
    ['a million angle brackets', 'text/html', () => '<'.repeat(1_000_000)],
    ['one attribute without end', 'text/html', () => `<a href="${'x'.repeat(1_000_000)}`],
  ]
  test.each(heavy)('%s is no trouble', async (_name, mediaType, make) => {
    await parse(parser, make(), mediaType)
    expect((await parse(parser, 'next')).chunks[0]?.text).toBe('next')
  })

  onLinux('a PDF whose stream inflates to hundreds of megabytes', async () => {
    const bomb = open({ parseMemoryMiB: 320, parseMs: 20_000 })
    const content = pdfBomb()
    expect(content.length).toBeLessThan(600_000)
    const held = await longestHoldMs(async () => {
      await expect(parse(bomb, content, 'application/pdf')).rejects.toMatchObject({
        code: 'unsupported',
        message: expect.stringMatching(/needs more memory to parse than the 320 MiB/),
      })
    })
    expect(held).toBeLessThan(250)
    expect((await parse(bomb, 'next')).chunks[0]?.text).toBe('next')
  })

  test('a parse past its deadline is ended for good and names the limit', async () => {
    const hurried = open({ parseMs: 150, documentBytes: 100_000_000 })
    const content = 'some words that take a while to count. '.repeat(400_000)
    await expect(parse(hurried, content)).rejects.toMatchObject({
      code: 'unsupported',
      retryable: false,
      message: expect.stringContaining('150 ms'),
    })
    expect((await parse(hurried, 'next')).chunks[0]?.text).toBe('next')
  })

  test('an abort ends the parse at once with its own reason', async () => {
    const aborting = open({ documentBytes: 100_000_000 })
    await parse(aborting, 'warm')
    const controller = new AbortController()
    const content = 'some words that take a while to count. '.repeat(400_000)
    const under = parse(aborting, content, 'text/markdown', controller.signal)
    setTimeout(() => controller.abort(new Error('gone')), 50)
    await expect(under).rejects.toThrow('gone')
    expect((await parse(aborting, 'next')).chunks[0]?.text).toBe('next')
  })

  test('an abort while waiting for a child gives up the place', async () => {
    const busy = open()
    const controller = new AbortController()
    const first = parse(busy, 'first')
    const second = parse(busy, 'second', 'text/markdown', controller.signal)
    controller.abort(new Error('gone'))
    await expect(second).rejects.toThrow('gone')
    expect((await first).chunks[0]?.text).toBe('first')
    expect((await parse(busy, 'third')).chunks[0]?.text).toBe('third')
  })

  onLinux('a child killed from outside is `unavailable` and replaced', async () => {
    const outside = open({ documentBytes: 100_000_000 })
    await parse(outside, 'warm')
    const under = parse(outside, 'some words that take a while. '.repeat(400_000))
    under.catch(() => {})
    let killed = 0
    while (killed === 0) {
      for (const pid of childrenOf(process.pid).filter(cpuHungry)) {
        process.kill(pid, 'SIGKILL')
        killed += 1
      }
      await new Promise((resolve) => setTimeout(resolve, 5))
    }
    await expect(under).rejects.toMatchObject({ code: 'unavailable', retryable: true })
    expect((await parse(outside, 'next')).chunks[0]?.text).toBe('next')
  })

  test('a child is replaced after its share of documents', async () => {
    const short = open({ documentsPerChild: 2 })
    for (const name of ['a', 'b', 'c', 'd', 'e']) {
      expect((await parse(short, name)).chunks[0]?.text).toBe(name)
    }
  })

  test('a closed parser takes nothing more', async () => {
    const closing = open()
    await parse(closing, 'one')
    closing.close()
    await expect(parse(closing, 'two')).rejects.toMatchObject({ code: 'unavailable' })
  })

  onLinux('children see nothing of the environment', async () => {
    process.env['QUARRY_PARSE_TEST_SECRET'] = 'do-not-tell'
    const clean = open()
    await parse(clean, 'warm')
    delete process.env['QUARRY_PARSE_TEST_SECRET']
    for (const pid of childrenOf(process.pid))
      expect(environmentOf(pid)).not.toContain('do-not-tell')
  })
})

function childrenOf(pid: number): number[] {
  const list = execFileSync('ps', ['-o', 'pid=,args=', '--ppid', String(pid)], { encoding: 'utf8' })
  return list
    .split('\n')
    .filter((line) => line.includes('parse/child'))
    .map((line) => Number.parseInt(line, 10))
}

function environmentOf(pid: number): string {
  return execFileSync('cat', [`/proc/${pid}/environ`], { encoding: 'utf8' })
}

/** Busy now: its state in the process table is running. */
function cpuHungry(pid: number): boolean {
  return execFileSync('ps', ['-o', 'stat=', '-p', String(pid)], { encoding: 'utf8' }).startsWith(
    'R',
  )
}

/** A small file with one page whose content stream is 400 MB of text operators. */
function pdfBomb(): Uint8Array {
  const block = Buffer.from('BT /F1 12 Tf 72 700 Td (aaaa) Tj ET\n'.padEnd(80_000))
  const stream = deflateSync(Buffer.concat(Array.from({ length: 5_000 }, () => block)))
  return pdfOf([], { stream, filter: '/FlateDecode' })
}
