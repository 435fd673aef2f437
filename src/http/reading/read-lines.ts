import { QuarryError } from '../../core/errors.ts'
import { decodeUtf8, parseJson } from '../json.ts'
import { type Fault, refuse } from '../validate.ts'

/** One JSON value a line; a fault is told with the number of its line. `what`: what the lines hold, in the plural. */
export function readLines<T>(
  bytes: Uint8Array,
  { countMax, what }: { readonly countMax: number; readonly what: string },
  read: (value: unknown) => T,
): T[] {
  const values: T[] = []
  for (const [at, line] of decodeUtf8(bytes, 'the body').split('\n').entries()) {
    if (line.trim() !== '') values.push(readLine(line, at + 1, read))
    if (values.length > countMax)
      throw new QuarryError('invalid_request', `the body may hold at most ${countMax} ${what}`)
  }
  if (values.length === 0) throw new QuarryError('invalid_request', `the body has no ${what}`)
  return values
}

function readLine<T>(line: string, number: number, read: (value: unknown) => T): T {
  try {
    return read(parseJson(line, 'the line'))
  } catch (error) {
    if (!(error instanceof QuarryError) || error.code !== 'invalid_request') throw error
    throw atLine(error, number)
  }
}

function atLine(error: QuarryError, line: number): QuarryError {
  const { errors } = error.details
  const faults = Array.isArray(errors)
    ? (errors as Fault[])
    : [{ pointer: '', detail: error.message }]
  return refuse(
    faults.map((fault) => ({ ...fault, line })),
    'body',
  )
}
