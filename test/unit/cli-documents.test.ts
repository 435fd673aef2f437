import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { documentsOfFiles, documentsOfInput } from '../../bin/documents.ts'
import { findFiles } from '../../bin/find-files.ts'
import type { Item } from '../../bin/wire.ts'

let folder: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'quarry-files-'))
})
afterEach(() => rm(folder, { recursive: true, force: true }))

async function put(path: string, content: string | Uint8Array): Promise<string> {
  const full = join(folder, path)
  await mkdir(join(full, '..'), { recursive: true })
  await writeFile(full, content)
  return full
}

async function all(items: AsyncIterable<Item>) {
  const documents: Record<string, unknown>[] = []
  const failures: { document: string; reason: string }[] = []
  for await (const item of items) {
    if ('failure' in item) failures.push(item.failure)
    else documents.push({ ...item.document })
  }
  return { documents, failures }
}

async function* parts(...chunks: (string | Buffer)[]) {
  for (const chunk of chunks) yield Buffer.from(chunk as string)
}

describe('findFiles', () => {
  test('a folder gives every supported file below it, ids relative to it', async () => {
    await put('a.md', 'x')
    await put('deep/er/B.PDF', 'x')
    await put('deep/c.xyz', 'x')
    await put('.hidden/d.md', 'x')
    await put('node_modules/e.md', 'x')
    expect((await findFiles([folder])).map(({ id }) => id)).toEqual(['a.md', 'deep/er/B.PDF'])
  })

  test('a glob gives ids relative to its fixed part, as if that folder had been named', async () => {
    await put('docs/guides/a.md', 'x')
    await put('docs/guides/more/b.md', 'x')
    await put('docs/guides/more/c.txt', 'x')
    const ids = async (...inputs: string[]) => (await findFiles(inputs)).map(({ id }) => id)
    expect(await ids(`${folder}/docs/guides/**/*.md`)).toEqual(['a.md', 'more/b.md'])
    expect(await ids(`${folder}/docs/*/more/*`)).toEqual(['guides/more/b.md', 'guides/more/c.txt'])
    expect(await ids(`${folder}/docs/{guides/more,other}/*.md`)).toEqual(['guides/more/b.md'])
  })

  test('the same file by two ways is there once; two files of one id are refused', async () => {
    const one = await put('x/readme.md', 'x')
    const two = await put('y/readme.md', 'x')
    expect(await findFiles([one, join(folder, 'x')])).toHaveLength(1)
    await expect(findFiles([one, two])).rejects.toThrow(/would both be the document "readme\.md"/)
  })

  test('an input that leads nowhere is refused by its name', async () => {
    await expect(findFiles([join(folder, 'nowhere.md')])).rejects.toThrow(
      /no file or folder .*nowhere\.md/,
    )
    await expect(findFiles([`${folder}/*.md`])).rejects.toThrow(/nothing to ingest in/)
  })
})

describe('documents of files', () => {
  test('what cannot be read is a failure, and the rest goes on', async () => {
    const files = [
      await put('a.bin', 'PK\x03\x04 zip'),
      await put('b', Buffer.from([0, 1, 2, 3])),
      await put('c.md', '# C'),
      await put('d.unknown', '<!doctype html><p>d</p>'),
    ]
    const found = await findFiles(files)
    await rm(files[2] ?? '')
    const { documents, failures } = await all(documentsOfFiles(found))
    expect(documents).toEqual([
      {
        id: 'd.unknown',
        content_base64: Buffer.from('<!doctype html><p>d</p>').toString('base64'),
        media_type: 'text/html',
        source: 'd.unknown',
      },
    ])
    expect(failures.map(({ document }) => document)).toEqual(['a.bin', 'b', 'c.md'])
    expect(failures.map(({ reason }) => reason).join('\n')).toMatch(/ZIP[\s\S]*binary[\s\S]*gone/)
  })

  test.skipIf(process.getuid?.() === 0)('a file without permission is a failure', async () => {
    await chmod(await put('a.md', 'x'), 0)
    const { failures } = await all(documentsOfFiles(await findFiles([folder])))
    expect(failures).toEqual([{ document: 'a.md', reason: 'permission denied' }])
  })

  test('an empty file is a document', async () => {
    await put('empty.txt', '')
    const { documents, failures } = await all(documentsOfFiles(await findFiles([folder])))
    expect(documents).toMatchObject([{ id: 'empty.txt', content_base64: '' }])
    expect(failures).toEqual([])
  })

  test('a JSONL without texts is one document', async () => {
    await put('log.jsonl', '{"a":1}\n{"a":2}\n')
    const { documents } = await all(documentsOfFiles(await findFiles([folder])))
    expect(documents).toMatchObject([{ id: 'log.jsonl', media_type: 'application/jsonl' }])
  })

  test('how far the reading is adds up to the size of the files', async () => {
    await put('a.md', 'x'.repeat(1000))
    await put('b.jsonl', '{"text":"y"}\n'.repeat(500))
    const files = await findFiles([folder])
    let read = 0
    await all(
      documentsOfFiles(files, (bytes) => {
        read += bytes
      }),
    )
    expect(read).toBe(files.reduce((sum, { bytes }) => sum + bytes, 0))
  })
})

describe('JSONL', () => {
  test('each bad line is a failure with its number, and the others come', async () => {
    const lines = [
      '{"_id":"a","title":"A","text":"one","metadata":{"n":1},"other":true}',
      '{broken',
      '',
      '{"id":7,"text":"seven","media_type":"text/markdown"}',
      '{"id":"x"}',
      '{"text":"no id"}',
    ]
    await put('corpus.jsonl', `${lines.join('\r\n')}\n`)
    const { documents, failures } = await all(documentsOfFiles(await findFiles([folder])))
    expect(documents).toEqual([
      { id: 'a', text: 'one', media_type: 'text/plain', title: 'A', metadata: { n: 1 } },
      { id: '7', text: 'seven', media_type: 'text/markdown' },
      { id: 'corpus.jsonl#6', text: 'no id', media_type: 'text/plain' },
    ])
    expect(failures).toEqual([
      {
        document: 'corpus.jsonl line 2',
        reason: 'it is not JSON: unexpected character at column 2',
      },
      { document: 'corpus.jsonl line 5', reason: 'it has no "text" of type string' },
    ])
  })

  test('a first line that is broken does not turn the rest into one document', async () => {
    const text = '{"text": "cut off\n{"id":"b","text":"two"}\n{"id":"c","text":"three"}\n'
    const { documents, failures } = await all(documentsOfInput(parts(text)))
    expect(documents.map(({ id }) => id)).toEqual(['b', 'c'])
    expect(failures).toEqual([
      { document: 'stdin line 1', reason: 'it is not JSON: it ends too early' },
    ])
  })

  test('a line that is not UTF-8 is a failure, not replacement characters', async () => {
    const bad = Buffer.concat([
      Buffer.from('{"id":"x","text":"'),
      Buffer.from([0xff]),
      Buffer.from('"}\n'),
    ])
    const { documents, failures } = await all(
      documentsOfInput(parts('{"id":"a","text":"é"}\n', bad)),
    )
    expect(documents).toMatchObject([{ id: 'a', text: 'é' }])
    expect(failures).toEqual([{ document: 'stdin line 2', reason: 'it is not valid UTF-8' }])
  })

  test('the chunks that it arrives in make no difference', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.string({ unit: 'grapheme' }), { minLength: 1, maxLength: 20 }),
        fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 20 }),
        async (texts, sizes) => {
          const lines = texts.map((text, at) => JSON.stringify({ id: `d${at}`, text }))
          const bytes = Buffer.from(lines.join('\n'))
          const chunks: Buffer[] = []
          for (let at = 0, turn = 0; at < bytes.length; turn++) {
            const size = sizes[turn % sizes.length] ?? 1
            chunks.push(bytes.subarray(at, at + size))
            at += size
          }
          const { documents, failures } = await all(documentsOfInput(parts(...chunks)))
          expect(failures).toEqual([])
          expect(documents.map(({ text }) => text)).toEqual(texts)
        },
      ),
      { numRuns: 50 },
    )
  })
})

describe('standard input', () => {
  test('anything but JSONL is one document, of the type that its bytes tell', async () => {
    const text = await all(documentsOfInput(parts('Just ', 'text.\n')))
    expect(text.documents).toMatchObject([{ id: 'stdin', media_type: 'text/plain' }])
    const pretty = '{\n"items": [\n{"text":"a"},\n{"text":"b"}\n]}'
    const json = await all(documentsOfInput(parts(pretty)))
    expect(json.documents).toMatchObject([{ id: 'stdin' }])
    expect(json.documents).toHaveLength(1)
    const pdf = await all(documentsOfInput(parts('%PDF-1.7\n…')))
    expect(pdf.documents).toMatchObject([{ media_type: 'application/pdf' }])
  })

  test('nothing at all is a mistake', async () => {
    await expect(all(documentsOfInput(parts()))).rejects.toThrow('standard input is empty')
  })
})
