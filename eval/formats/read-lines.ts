import { createReadStream } from 'node:fs'
import { snakeCase } from '../../src/core/casing.ts'
import { QuarryError } from '../../src/core/errors.ts'
import { LIMITS, type LimitName } from '../../src/core/limits.ts'

export interface Line {
  readonly text: string
  /** From 1. */
  readonly number: number
}

const NEWLINE = 0x0a
const RETURN = 0x0d
const UNREADABLE: Readonly<Record<string, string>> = {
  ENOENT: 'no such file',
  ENOTDIR: 'no such file',
  EISDIR: 'is a folder, not a file',
  EACCES: 'may not be read by this user',
}

/**
 * The lines of a UTF-8 file that are not blank, without their ends and without a byte order mark, as they are read.
 * @throws QuarryError `invalid_request` for a file that can't be read, a line that is not UTF-8 or longer than the limit
 */
export async function* readLines(path: string): AsyncGenerator<Line> {
  let number = 0
  for await (const bytes of splitLines(path)) {
    number += 1
    refuseAbove(path, number, bytes.length, 'evalSetLineBytes')
    const text = decode(bytes, path, number)
    if (text.trim() !== '') yield { text, number }
  }
}

/** What is wrong with a line and what would be right. */
export function lineFault(path: string, line: number, message: string): QuarryError {
  return new QuarryError('invalid_request', `${path}, line ${line}: ${message}`)
}

/** @param count of what the limit bounds, up to this line */
export function refuseAbove(
  path: string,
  line: number,
  count: number,
  limit: Extract<LimitName, `eval${string}`>,
): void {
  const { max, about } = LIMITS[limit]
  if (count > max) throw lineFault(path, line, `is above ${snakeCase(limit)}, ${max}: ${about}`)
}

/** A line that never ends is given up on as soon as it is longer than the limit. */
async function* splitLines(path: string): AsyncGenerator<Buffer> {
  let rest: Buffer[] = []
  let restBytes = 0
  for await (const read of chunksOf(path)) {
    let from = 0
    for (let end = read.indexOf(NEWLINE); end >= 0; end = read.indexOf(NEWLINE, from)) {
      yield Buffer.concat([...rest, read.subarray(from, end)])
      rest = []
      restBytes = 0
      from = end + 1
    }
    rest.push(read.subarray(from))
    restBytes += read.length - from
    if (restBytes > LIMITS.evalSetLineBytes.max) break
  }
  if (restBytes > 0) yield Buffer.concat(rest)
}

async function* chunksOf(path: string): AsyncGenerator<Buffer> {
  try {
    for await (const read of createReadStream(path)) yield read as Buffer
  } catch (cause) {
    const code = cause instanceof Error && 'code' in cause ? String(cause.code) : ''
    const reason = UNREADABLE[code]
    if (reason === undefined) throw cause
    throw new QuarryError('invalid_request', `${path}: ${reason}`, { cause })
  }
}

const utf8 = new TextDecoder('utf-8', { fatal: true })

/** The decoder drops a byte order mark at the beginning of any line; only a file's first has one. */
function decode(bytes: Buffer, path: string, number: number): string {
  const end = bytes.at(-1) === RETURN ? bytes.length - 1 : bytes.length
  try {
    return utf8.decode(bytes.subarray(0, end))
  } catch (cause) {
    throw new QuarryError(
      'invalid_request',
      `${path}, line ${number}: is not UTF-8; convert the file first, e.g. with iconv`,
      { cause },
    )
  }
}
