import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import type { Job } from '../../src/catalog/catalog.ts'
import { snakeSchema } from '../../src/catalog/snake-schema.ts'
import { toCamel, toSnake } from '../../src/core/casing.ts'
import { QuarryError } from '../../src/core/errors.ts'
import { BodyGate, withBody } from '../../src/http/body.ts'
import { decodeCursor, paginate } from '../../src/http/cursor.ts'
import { encodeJson } from '../../src/http/encode-json.ts'
import type { Arrival } from '../../src/http/exchange.ts'
import { streamJobEvents } from '../../src/http/job-events.ts'
import { parseJson } from '../../src/http/json.ts'
import { matchesTemplate, readPathParams, readQuery, targetOf } from '../../src/http/paths.ts'
import { encodeToken } from '../../src/http/token.ts'
import { check, pointerOf } from '../../src/http/validate.ts'
import { decodeVersion, encodeVersion } from '../../src/http/version.ts'

function refusal(run: () => unknown): QuarryError {
  try {
    run()
  } catch (error) {
    if (error instanceof QuarryError) return error
    throw error
  }
  throw new Error('nothing was refused')
}

describe('tokens', () => {
  test('every version comes back', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: 0n, max: 2n ** 63n - 1n }), (version) => {
        expect(decodeVersion(encodeVersion(version))).toBe(version)
      }),
    )
  })

  test('anything else is refused as a request, never as a bug', () => {
    const forged = [
      ...[
        '',
        'v',
        'v.',
        '12',
        encodeToken('c', '12'),
        encodeToken('v', 'x'),
        encodeToken('v', '-1'),
      ],
      ...[
        encodeToken('v', String(2n ** 63n)),
        encodeToken('v', '1'.repeat(400)),
        encodeToken('v', '\0'),
      ],
    ]
    for (const token of forged)
      expect(refusal(() => decodeVersion(token)).code, token).toBe('invalid_request')
    fc.assert(
      fc.property(fc.string(), (token) => {
        expect(refusal(() => decodeVersion(token)).code).toBe('invalid_request')
      }),
    )
  })

  test('a changed digit is noticed', () => {
    const token = encodeVersion(123_456n)
    const at = 3
    const changed = token.slice(0, at) + (token[at] === 'x' ? 'y' : 'x') + token.slice(at + 1)
    expect(refusal(() => decodeVersion(changed)).code).toBe('invalid_request')
  })

  test('pages give a cursor only while there is more', () => {
    const more = paginate(['a', 'b', 'c'], 2, (id) => id)
    expect(more.rows).toEqual(['a', 'b'])
    expect(decodeCursor(more.nextCursor ?? '')).toBe('b')
    expect(paginate(['a', 'b'], 2, (id) => id).nextCursor).toBeNull()
    expect(paginate([], 2, String).nextCursor).toBeNull()
  })
})

describe('paths', () => {
  const wellFormed = fc.string({ unit: 'binary', minLength: 1 })

  test('any id comes back once decoded, with slashes and percent signs in it', () => {
    fc.assert(
      fc.property(wellFormed, (id) => {
        const path = `/v1/jobs/${encodeURIComponent(id)}:cancel`
        expect(readPathParams('/v1/jobs/{job}:cancel', path)).toEqual({ job: id })
      }),
    )
    expect(readPathParams('/a/{b}', '/a/%2525%2F')).toEqual({ b: '%25/' })
  })

  test('templates match whole paths only', () => {
    expect(matchesTemplate('/v1/jobs/{job}', '/v1/jobs/x')).toBe(true)
    expect(matchesTemplate('/v1/jobs/{job}', '/v1/jobs/')).toBe(false)
    expect(matchesTemplate('/v1/jobs/{job}', '/v1/jobs/x/y')).toBe(false)
    expect(matchesTemplate('/v1/jobs/{job}:cancel', '/v1/jobs/x')).toBe(false)
    expect(matchesTemplate('/v1/jobs/{job}:cancel', '/v1/jobs/x:cancel')).toBe(true)
  })

  test('a query may not name a thing twice', () => {
    expect(readQuery('?a=1&b=2')).toEqual({ a: '1', b: '2' })
    expect(refusal(() => readQuery('?a=1&a=1')).message).toContain('"a"')
  })
})

describe('targets', () => {
  test('are what a URL object says of them', () => {
    const piece = fc.stringMatching(/^[a-z/?#:%@.=&\u00e9 -]{0,12}$/)
    fc.assert(
      fc.property(fc.constantFrom('a', 'a:8080', '[::1]:80', 'x.y'), piece, (host, rest) => {
        const { href, pathname, search } = new URL(`http://${host}/${rest}`)
        expect(targetOf(href)).toEqual({ path: pathname, search })
      }),
      { numRuns: 2_000 },
    )
  })
})

describe('JSON', () => {
  test('is UTF-8, however long', () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.constantFrom(1, 100_000), (value, times) => {
        const all = { value, text: 'aé☃😀'.repeat(times) }
        expect(Buffer.from(encodeJson(all)).toString()).toBe(JSON.stringify(all))
      }),
    )
  })

  test('is bounded in depth and number, and has no __proto__', () => {
    expect(parseJson('{"a":[1,{"b":null}]}', 'it')).toEqual({ a: [1, { b: null }] })
    expect(refusal(() => parseJson('['.repeat(65) + ']'.repeat(65), 'it')).message).toContain(
      'deeper',
    )
    expect(refusal(() => parseJson(`[${'{},'.repeat(100_001)}{}]`, 'it')).message).toContain(
      'more than',
    )
    const { details } = refusal(() => parseJson('{"a":[{"__proto__":1}]}', 'it'))
    expect(details['errors']).toMatchObject([{ pointer: '/a/0/__proto__' }])
    expect(refusal(() => parseJson('{', 'it')).message).toContain('not valid JSON')
  })

  test('pointers escape as RFC 6901 says', () => {
    expect(pointerOf(['a/b', 0, '~'])).toBe('/a~1b/0/~0')
  })

  test('a long unknown name costs no more than a short one', () => {
    const schema = z.strictObject({ known: z.string().optional() })
    const started = performance.now()
    const { details } = refusal(() => check(schema, { ['k'.repeat(1_000_000)]: 1 }, 'body'))
    expect(performance.now() - started).toBeLessThan(1_000)
    expect(JSON.stringify(details).length).toBeLessThan(500)
  })
})

describe('names', () => {
  test('a schema and its values turn snake_case together', () => {
    const schema = z.strictObject({
      tokensMax: z.int().default(3),
      kind: z.discriminatedUnion('kind', [
        z.strictObject({ kind: z.literal('a'), deepName: z.string().nullable().optional() }),
        z.strictObject({ kind: z.literal('b') }),
      ]),
      part: z.strictObject({ innerName: z.boolean().default(true) }).prefault({}),
    })
    const parsed = snakeSchema(schema).parse({ kind: { kind: 'a', deep_name: 'x' } })
    expect(parsed).toEqual({
      tokens_max: 3,
      kind: { kind: 'a', deep_name: 'x' },
      part: { inner_name: true },
    })
    expect(schema.parse(toCamel(parsed))).toEqual(toCamel(parsed))
    expect(toSnake(toCamel(parsed))).toEqual(parsed)
  })
})

describe('bodies', () => {
  const post = (body: string): Arrival => ({
    request: new Request('http://a/', { method: 'POST', body }),
    incoming: undefined,
  })

  test('the gate counts what is held, and lets go of it whatever happens', async () => {
    const gate = new BodyGate(10)
    const limits = { bytesMax: 100, gate }
    await withBody(post('12345678'), limits, async () => {
      await expect(withBody(post('abc'), limits, async () => 1)).rejects.toMatchObject({
        code: 'unavailable',
      })
    })
    await expect(
      withBody(post('12345678'), limits, () => Promise.reject(new Error('handler'))),
    ).rejects.toThrow('handler')
    expect(await withBody(post('1234567890'), limits, async ({ length }) => length)).toBe(10)
  })
})

describe('job events', () => {
  const job = (state: Job['state'], done: number): Job => ({
    id: 'j',
    tenant: 'acme' as Job['tenant'],
    collection: 'docs' as Job['collection'],
    state,
    counts: { total: 2, done, dead: 0, cancelled: 0, waiting: 2 - done },
    failures: [],
    createdAt: new Date(0),
    finishedAt: null,
  })

  test('each change once, then the end', async () => {
    const later = [job('running', 1), job('running', 1), job('done', 2)]
    const stream = streamJobEvents({
      first: job('queued', 0),
      read: async () => later.shift() ?? null,
      signal: new AbortController().signal,
      onError: () => {},
      lifeMs: 60_000,
    })
    const text = await new Response(stream).text()
    expect(
      [...text.matchAll(/event: (\w+)\ndata: .*?"done":(\d)/g)].map(([, ...rest]) => rest),
    ).toEqual([
      ['progress', '0'],
      ['progress', '1'],
      ['end', '2'],
    ])
  })

  test('stops when the caller goes, and tells of a failure', async () => {
    const controller = new AbortController()
    const errors: unknown[] = []
    const events = {
      first: job('queued', 0),
      signal: controller.signal,
      onError: (error: unknown) => void errors.push(error),
      lifeMs: 60_000,
    }
    const gone = new Response(
      streamJobEvents({ ...events, read: async () => job('queued', 0) }),
    ).text()
    setTimeout(() => controller.abort(), 30)
    expect(await gone).toContain('progress')
    expect(errors).toEqual([])
    const broken = {
      ...events,
      signal: new AbortController().signal,
      read: () => Promise.reject(new Error('db')),
    }
    await new Response(streamJobEvents(broken)).text()
    expect(errors).toHaveLength(1)
  })
})
