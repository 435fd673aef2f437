import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { askedOf, readPassage } from '../../adapters/rerankers/lexical/passage.ts'
import { readQuery } from '../../adapters/rerankers/lexical/query.ts'
import {
  RunTable,
  termsEnd,
  termsFrom,
  tokensEnd,
} from '../../adapters/rerankers/lexical/run-table.ts'
import { noTokens, runsOf } from '../../adapters/rerankers/lexical/runs.ts'
import { createPace } from '../../src/core/pace.ts'

const turns = { pace: createPace(), signal: new AbortController().signal }
const itself = (text: string) => ({ terms: [text], tokens: [text.length] })

const none = new Map<string, number>()

/** What the table says of a run: the numbers of its terms, and its tokens. */
function recordOf({ words }: RunTable, run: number): { terms: number[]; tokens: number[] } {
  const end = termsEnd(words, run)
  return {
    terms: [...words.subarray(termsFrom(run), end)],
    tokens: [...words.subarray(end, tokensEnd(words, run))],
  }
}

describe('a passage', () => {
  it('is read run by run, as white space parts it', async () => {
    const runs = fc.string({
      unit: fc.constantFrom(
        'ab',
        'a',
        'b',
        'é',
        '退',
        ' ',
        '\n',
        '\t',
        '\u00a0',
        '\u2003',
        '\u3000',
        '\ufeff',
      ),
    })
    await fc.assert(
      fc.asyncProperty(runs, async (text) => {
        const seen: number[] = []
        const table = new RunTable(itself)
        const asked = askedOf(
          readQuery('ab', (word) => [word], null),
          table,
        )
        const passage = await readPassage({ context: '', text }, asked, table, turns, (run) =>
          seen.push(...recordOf(table, run).terms),
        )
        const wanted = text.split(/\s+/).filter((run) => run !== '')
        expect(seen).toEqual(wanted.map((run) => table.numberOf(run)))
        expect(passage?.length).toBe(wanted.length)
        const places = wanted.flatMap((run, place) => (run === 'ab' ? [place] : []))
        expect(passage?.places).toEqual(places)
      }),
    )
  })
})

describe('the table of runs', () => {
  it('reads each run once, wherever it stands', () => {
    const read: string[] = []
    const table = new RunTable((text) => {
      read.push(text)
      return itself(text)
    })
    const text = 'one two one'
    const first = table.at(text, 0, 3, none)
    expect(table.at(text, 8, 11, none)).toBe(first)
    expect(table.at('so one', 3, 6, none)).toBe(first)
    const second = table.at(text, 4, 7, none)
    expect(recordOf(table, second)).toEqual({ terms: [table.numberOf('two')], tokens: [3] })
    expect(recordOf(table, first)).toEqual({ terms: [table.numberOf('one')], tokens: [3] })
    expect(read).toEqual(['one', 'two'])
  })

  it('does not keep long ones, nor number their terms but those that are asked for', () => {
    let reads = 0
    const table = new RunTable((text) => {
      reads += 1
      return { terms: [text, 'known'], tokens: [text.length] }
    })
    const known = table.numberOf('known')
    const asked = new Map([['known', known]])
    const long = 'x'.repeat(33)
    expect(recordOf(table, table.at(long, 0, 33, asked))).toEqual({
      terms: [0, known],
      tokens: [33],
    })
    expect(recordOf(table, table.at(long, 0, 33, asked)).terms).toEqual([0, known])
    expect(reads).toBe(2)
  })

  it('stays right when it is full, keeping what it has', () => {
    let reads = 0
    const table = new RunTable((text) => {
      reads += 1
      return itself(text)
    })
    const asked = new Map([['r199999', table.numberOf('r199999')]])
    const runs = Array.from({ length: 200_000 }, (_, i) => `r${i}`)
    for (const run of runs)
      expect(recordOf(table, table.at(run, 0, run.length, asked)).tokens).toEqual([run.length])
    expect(table.isFull).toBe(true)
    const last = runs.at(-1) ?? ''
    expect(recordOf(table, table.at(last, 0, last.length, asked)).terms).toEqual([
      ...asked.values(),
    ])
    expect(reads).toBe(runs.length + 1)
    expect(recordOf(table, table.at('r0', 0, 2, none)).terms).toEqual([table.numberOf('r0')])
    expect(reads).toBe(runs.length + 1)
  })

  it('is replaced when it is full', () => {
    const analyze = (text: string) => [text]
    const table = runsOf(analyze, noTokens)
    expect(runsOf(analyze, noTokens)).toBe(table)
    for (let i = 0; !table.isFull; i++) table.at(`r${i}`, 0, `r${i}`.length, none)
    expect(runsOf(analyze, noTokens)).not.toBe(table)
  })
})
