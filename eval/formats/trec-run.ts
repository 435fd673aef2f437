import { createWriteStream } from 'node:fs'
import { pipeline } from 'node:stream/promises'
import { QuarryError } from '../../src/core/errors.ts'
import { asTrecEval } from '../metrics/as-trec-eval.ts'
import type { Ranked, Run } from '../types.ts'
import { lineFault, readLines, refuseAbove } from './read-lines.ts'

/**
 * `query Q0 document rank score tag`, in trec_eval's order: by score, whatever the ranks say.
 * @throws QuarryError `invalid_request` naming file, line and what would be right
 */
export async function readTrecRun(path: string): Promise<Run> {
  const run = new Map<string, Map<string, Ranked>>()
  let count = 0
  for await (const { text, number } of readLines(path)) {
    const columns = text.trim().split(/\s+/)
    const [query = '', , id = '', , written = ''] = columns
    if (columns.length !== 6)
      throw lineFault(
        path,
        number,
        `has ${columns.length} columns; runs have six: query, Q0, document, rank, score, tag`,
      )
    const score = Number(written)
    if (!Number.isFinite(score))
      throw lineFault(path, number, `score "${written}" is not a finite number`)
    const ranking = run.get(query) ?? new Map<string, Ranked>()
    if (ranking.has(id)) throw lineFault(path, number, `query ${query} ranks document ${id} twice`)
    count += 1
    refuseAbove(path, number, count, 'evalRunResults')
    run.set(query, ranking.set(id, { id, score }))
  }
  return asTrecEval(
    new Map([...run].map(([query, ranking]) => [query, [...ranking.values()]] as const)),
  )
}

/**
 * Writes a run for trec_eval. It sorts by score and not by rank, so a score that is not below the one before is written as the
 * next lower 32-bit float: the order of the run is the order that is read.
 * @throws QuarryError `invalid_request` for an id or a tag with white space, which the format has no place for, and for
 * a score that is not finite
 */
export async function writeTrecRun(path: string, run: Run, tag: string): Promise<void> {
  await pipeline(trecRunText(run, tag), createWriteStream(path))
}

/** The text of a run file, query by query. */
export function* trecRunText(run: Run, tag: string): Generator<string> {
  requireWord('the tag', tag)
  for (const [query, ranking] of run) {
    requireWord('query id', query)
    let before = Number.POSITIVE_INFINITY
    let text = ''
    for (const [at, { id, score }] of ranking.entries()) {
      requireWord('document id', id)
      before = scoreBelow(before, Math.fround(score), id)
      text += `${query} Q0 ${id} ${at + 1} ${Number(before.toPrecision(9))} ${tag}\n`
    }
    if (text !== '') yield text
  }
}

function scoreBelow(before: number, score: number, id: string): number {
  const own = score < before ? score : nextBelow(before)
  if (Number.isFinite(score) && Number.isFinite(own)) return own
  throw new QuarryError(
    'invalid_request',
    `the score of document ${id} is not a finite 32-bit float, so no run file can hold it`,
  )
}

const bits = new DataView(new ArrayBuffer(4))

/** Of 32-bit floats, whose bits count up from 0 in both directions. */
function nextBelow(value: number): number {
  if (value === 0) return -(2 ** -149)
  bits.setFloat32(0, value)
  bits.setInt32(0, bits.getInt32(0) + (value > 0 ? -1 : 1))
  return bits.getFloat32(0)
}

function requireWord(what: string, value: string): void {
  if (/^\S+$/.test(value)) return
  throw new QuarryError(
    'invalid_request',
    `${what} ${JSON.stringify(value)} can't stand in a run file: its columns are apart by white space`,
  )
}
