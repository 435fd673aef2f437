import { beforeAll, describe, expect, test } from 'vitest'
import type { Tokenizer } from '../../src/core/tokenizer.ts'
import { coveredSpan, joinPieces } from '../../src/prompt/passages.ts'
import { createTokenMemos } from '../../src/prompt/token-memo.ts'
import { openTokenizer } from '../../src/tokenizer/o200k.ts'
import { assemble, hitOf, pinnedOf, sentences } from '../support/prompting.ts'

let tokenizer: Tokenizer
beforeAll(async () => {
  tokenizer = await openTokenizer()
})

describe('a long prompt', () => {
  const pinned = [pinnedOf('a', sentences(3_000)), pinnedOf('b', sentences(3_000, 'hen'))]
  const long = { maxTokens: 100_000, pinned, hits: [hitOf({ text: sentences(400, 'owl') })] }

  test('gives the event loop back while it is counted', async () => {
    let turns = 0
    const timer = setInterval(() => {
      turns += 1
    }, 0)
    const slow: Tokenizer = {
      name: 'slow',
      count: (text) => {
        const until = performance.now() + 1
        while (performance.now() < until);
        return tokenizer.count(text)
      },
    }
    await assemble({ ...long, tokenizer: slow })
    clearInterval(timer)
    expect(turns).toBeGreaterThan(10)
  })

  test('stops between two entries when nobody waits for it any more', async () => {
    const stop = new AbortController()
    let counted = 0
    const counting: Tokenizer = {
      name: 'counting',
      count: (text) => {
        counted += 1
        if (counted === 10) stop.abort(new Error('gone'))
        return tokenizer.count(text)
      },
    }
    const prompt = assemble({ ...long, tokenizer: counting, signal: stop.signal })
    await expect(prompt).rejects.toThrow('gone')
    expect(counted).toBe(10)
  })

  test('counts what it counted before for the same tenant only once', async () => {
    let chars = 0
    const counting: Tokenizer = {
      name: 'counting',
      count: (text) => {
        chars += text.length
        return tokenizer.count(text)
      },
    }
    const memos = createTokenMemos(10_000_000)
    const charsFor = async (tenant: string): Promise<number> => {
      chars = 0
      await assemble({ ...long, tokenizer: counting, memo: memos.of(tenant) })
      return chars
    }
    const first = await charsFor('t')
    expect(first).toBeGreaterThan(200_000)
    expect(await charsFor('t')).toBeLessThan(10_000)
    expect(await charsFor('u')).toBe(first)
  })
})

describe('the citation of a pinned document', () => {
  test('has the span that its chunks cover in the source', async () => {
    const document = { ...pinnedOf('a', 'One.\n\nTwo.'), span: { start: 12, end: 40 } }
    const prompt = await assemble({ pinned: [document] })
    expect(prompt.citations[0]?.span).toEqual({ start: 12, end: 40 })
  })

  test('text and span come from the pieces: overlaps once, white space between them normal', () => {
    const source = '  # One\n\n\n\nTwo three. Four.\nFive.\n'
    const piece = (start: number, end: number) => ({
      span: { start, end },
      text: source.slice(start, end),
    })
    const pieces = [piece(2, 7), piece(11, 21), piece(15, 27), piece(28, 33)]
    expect(joinPieces(pieces)).toBe('# One\n\nTwo three. Four.\nFive.')
    expect(coveredSpan(pieces)).toEqual({ start: 2, end: 33 })
  })
})

describe('the memo of token counts', () => {
  test('keeps what was used last within its characters, a long text like a short one, and one owner apart from another', () => {
    const memos = createTokenMemos(400)
    const [a, b] = [memos.of('a'), memos.of('b')]
    a.set('x'.repeat(50), 1)
    a.set('y'.repeat(50), 2)
    a.set('z'.repeat(50), 3)
    expect(b.get('x'.repeat(50))).toBeUndefined()
    expect(a.get('x'.repeat(50))).toBe(1)
    b.set('x'.repeat(50), 4)
    expect(a.get('y'.repeat(50))).toBeUndefined()
    expect([a, b].map((memo) => memo.get('x'.repeat(50)))).toEqual([1, 4])
    b.set('w'.repeat(1_000), 5)
    expect(b.get('w'.repeat(1_000))).toBe(5)
    expect(a.get('z'.repeat(50))).toBeUndefined()
  })
})
