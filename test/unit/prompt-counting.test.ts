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
    // The numbers of entries are nobody's: they are counted with the first prompt of all.
    await charsFor('s')
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
  test('keeps one owner apart from another, and a long key like a short one', () => {
    const memos = createTokenMemos(10_000)
    const [a, b] = [memos.of('a'), memos.of('b')]
    for (const key of ['x', 'x'.repeat(1_000)]) {
      a.set(key, 1)
      expect(b.get(key)).toBeUndefined()
      b.set(key, 2)
      expect([a, b].map((memo) => memo.get(key))).toEqual([1, 2])
    }
  })

  test('forgets what was not asked for while as much came in as it holds, and never what was', () => {
    const memo = createTokenMemos(1_000).of('a')
    memo.set('kept', 1)
    memo.set('left', 2)
    for (let other = 0; other < 20; other += 1) {
      memo.set(`other ${other}`, other)
      expect(memo.get('kept')).toBe(1)
    }
    expect(memo.get('left')).toBeUndefined()
    expect(memo.get('other 19')).toBe(19)
  })
})
