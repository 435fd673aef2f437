import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { readPassage } from '../../adapters/rerankers/lexical/passage.ts'
import { readQuery } from '../../adapters/rerankers/lexical/query.ts'
import { RunTable } from '../../adapters/rerankers/lexical/run-table.ts'
import { createPace } from '../../src/core/pace.ts'

const turns = { pace: createPace(), signal: new AbortController().signal }
const itself = (text: string) => ({ terms: [text], tokens: [text.length] })

describe('a passage', () => {
  it('is read run by run, as white space parts it', async () => {
    const runs = fc.string({
      unit: fc.constantFrom(
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
        const seen: string[] = []
        const table = new RunTable(itself)
        const query = readQuery('a', (word) => [word], null)
        const passage = await readPassage({ context: '', text }, query, table, turns, ({ terms }) =>
          seen.push(...terms),
        )
        const wanted = text.split(/\s+/).filter((run) => run !== '')
        expect(seen).toEqual(wanted)
        expect(passage?.length).toBe(wanted.length)
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
    const first = table.at(text, 0, 3)
    expect(table.at(text, 8, 11)).toBe(first)
    expect(table.at('so one', 3, 6)).toBe(first)
    expect(table.at(text, 4, 7).terms).toEqual(['two'])
    expect(read).toEqual(['one', 'two'])
  })

  it('does not keep long ones', () => {
    let reads = 0
    const table = new RunTable((text) => {
      reads += 1
      return itself(text)
    })
    const long = 'x'.repeat(33)
    table.at(long, 0, 33)
    expect(table.at(long, 0, 33).terms).toEqual([long])
    expect(reads).toBe(2)
  })

  it('stays right when it is full, and keeps what is met again', () => {
    let reads = 0
    const table = new RunTable((text) => {
      reads += 1
      return itself(text)
    })
    const runs = Array.from({ length: 120_000 }, (_, i) => `r${i}`)
    for (const [i, run] of runs.entries()) {
      expect(table.at(run, 0, run.length).terms).toEqual([run])
      if (i % 10 === 0) table.at('common', 0, 6)
    }
    expect(reads).toBe(runs.length + 1)
    table.at('r0', 0, 2)
    expect(reads).toBe(runs.length + 2)
  })
})
