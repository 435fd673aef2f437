import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { QuarryError } from '../../src/core/errors.ts'
import { DEFAULT_LIMITS } from '../../src/core/limits.ts'
import { openReading } from '../../src/http/reading/open-reading.ts'
import { createRead } from '../../src/http/reading/read-content.ts'
import type { ReceivedBody } from '../../src/http/route.ts'
import { settings } from '../support/http-world.ts'

const limits = { ...DEFAULT_LIMITS, batchDocuments: 1_000 }
const read = openReading(limits)
const readHere = createRead(limits)
/** More than is read on the calling thread. */
const LARGE = 'It was the best of times. '.repeat(2_700)

function bodyOf(
  content: unknown,
  mediaType = 'application/json',
  signal = new AbortController().signal,
): ReceivedBody {
  const text = typeof content === 'string' ? content : JSON.stringify(content)
  const bytes = new TextEncoder().encode(text)
  return { bytes, mediaType, contentType: mediaType, headers: new Headers(), settings, signal }
}

const failure = (pending: Promise<unknown>): Promise<QuarryError> =>
  pending.then(
    () => {
      throw new Error('nothing was refused')
    },
    (error: unknown) => {
      if (error instanceof QuarryError) return error
      throw error
    },
  )

describe('a large body', () => {
  test('reads as a small one does: text, base64 and lines', async () => {
    const document = { text: LARGE, title: 'T', metadata: { tags: ['a', 'b'] } }
    expect(await read('document', bodyOf(document))).toEqual(
      await readHere('document', bodyOf(document)),
    )
    const bytes = Buffer.from(LARGE).toString('base64')
    const base64 = { content_base64: bytes, media_type: 'application/pdf' }
    const { content } = await read('document', bodyOf(base64))
    expect(Buffer.from(content).toString()).toBe(LARGE)
    const lines = [1, 2, 3].map((id) => JSON.stringify({ id: `d${id}`, text: LARGE + id }))
    const ndjson = bodyOf(lines.join('\n'), 'application/x-ndjson')
    const documents = await read('batch', ndjson)
    expect(documents.map(({ id }) => id)).toEqual(['d1', 'd2', 'd3'])
    expect(new TextDecoder().decode(documents[1]?.content)).toBe(`${LARGE}2`)
  })

  test('any batch: the same documents or the same refusal', { timeout: 60_000 }, async () => {
    const document = fc.record({
      id: fc.string({ maxLength: 4 }),
      text: fc.oneof(fc.string(), fc.constant(LARGE)),
      metadata: fc.dictionary(fc.string({ maxLength: 4 }), fc.jsonValue(), { maxKeys: 3 }),
    })
    await fc.assert(
      fc.asyncProperty(fc.array(document, { maxLength: 5 }), async (documents) => {
        const sent = { documents: [...documents, { id: 'large', text: LARGE }] }
        const outcome = (pending: Promise<unknown>) =>
          pending.catch(({ code, message, details }: QuarryError) => ({ code, message, details }))
        expect(await outcome(read('batch', bodyOf(sent)))).toEqual(
          await outcome(readHere('batch', bodyOf(sent))),
        )
      }),
      { numRuns: 30 },
    )
  })

  test('a form comes back file by file', async () => {
    const form = new FormData()
    form.append('file', new File([LARGE], 'a.md'))
    form.append('file', new File(['small'], 'b.txt'))
    const response = new Response(form)
    const contentType = response.headers.get('content-type') ?? ''
    const bytes = new Uint8Array(await response.arrayBuffer())
    const body = { ...bodyOf(''), bytes, mediaType: 'multipart/form-data', contentType }
    const documents = await read('upload', body)
    expect(documents.map(({ id, mediaType }) => [id, mediaType])).toEqual([
      ['a.md', 'text/markdown'],
      ['b.txt', 'text/plain'],
    ])
  })

  test('faults keep their code, their place and their status', async () => {
    const twice = { documents: [{ id: 'a', text: LARGE, colour: 'red' }] }
    const error = await failure(read('batch', bodyOf(twice)))
    expect(error).toMatchObject({
      code: 'invalid_request',
      details: { errors: [{ pointer: '/documents/0/colour' }] },
    })
    const line = bodyOf(`{"id":"a","text":"x"}\n{"id":"b",${LARGE}`, 'application/x-ndjson')
    expect(await failure(read('batch', line))).toMatchObject({
      details: { errors: [{ line: 2 }] },
    })
    const deep = bodyOf(`${'['.repeat(40_000)}${']'.repeat(40_000)}`)
    expect(await failure(read('document', deep))).toMatchObject({
      message: expect.stringContaining('nested deeper than 64'),
    })
    const form = new FormData()
    form.append('file', new File([LARGE], 'a.xyz'))
    const response = new Response(form)
    const contentType = response.headers.get('content-type') ?? ''
    const bytes = new Uint8Array(await response.arrayBuffer())
    const upload = { ...bodyOf(''), bytes, mediaType: 'multipart/form-data', contentType }
    expect(await failure(read('upload', upload))).toMatchObject({ details: { status: 415 } })
  })

  test('leaves the loop its turns meanwhile', async () => {
    const field = Array.from({ length: 18 }, (_, at) => `value ${at}`)
    const metadata = Object.fromEntries(Array.from({ length: 60 }, (_, at) => [`f${at}`, field]))
    const documents = Array.from({ length: 400 }, (_, at) => ({
      id: `d${at}`,
      text: 'x',
      metadata,
    }))
    const body = bodyOf({ documents })
    await read('document', bodyOf({ text: LARGE }))
    let turns = 0
    let pending = true
    const turn = (): void => {
      turns += 1
      if (pending) setImmediate(turn)
    }
    setImmediate(turn)
    const found = await read('batch', body)
    pending = false
    expect(found).toHaveLength(400)
    expect(turns).toBeGreaterThan(5)
  })

  test('the caller who goes away stops waiting, and the next one is served', async () => {
    const gone = new AbortController()
    const late = read('document', bodyOf({ text: LARGE }, 'application/json', gone.signal))
    gone.abort(new Error('gone'))
    await expect(late).rejects.toThrow('gone')
    expect((await read('document', bodyOf({ text: LARGE }))).content.byteLength).toBe(LARGE.length)
  })
})
