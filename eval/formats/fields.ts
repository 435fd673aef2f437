import { jsonFault } from '../../src/core/json-fault.ts'
import { LIMITS } from '../../src/core/limits.ts'
import { type Line, lineFault } from './read-lines.ts'

/** One line of a JSONL file. @throws QuarryError `invalid_request` when it is not an object */
export function parseObject(path: string, { text, number }: Line): Record<string, unknown> {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (cause) {
    throw lineFault(path, number, `is not JSON: ${jsonFault(text, cause)}`)
  }
  if (typeof value === 'object' && value !== null && !Array.isArray(value))
    return value as Record<string, unknown>
  throw lineFault(path, number, 'is not a JSON object; each line is one, such as {"_id": "…"}')
}

/** A string that is there and not blank. */
export function requireText(
  path: string,
  line: number,
  object: Readonly<Record<string, unknown>>,
  field: string,
): string {
  const value = object[field]
  if (typeof value === 'string' && value.trim() !== '') return value
  const found = value === undefined ? 'is missing' : 'is not a string with something in it'
  throw lineFault(path, line, `"${field}" ${found}`)
}

/** A whole number, as trec_eval takes it; below 0 for what is worse than irrelevant, such as spam. */
export function parseGrade(path: string, line: number, value: unknown): number {
  const { max } = LIMITS.goldenGrade
  const grade = typeof value === 'string' && /^[+-]?\d+$/.test(value) ? Number(value) : value
  if (Number.isInteger(grade) && Math.abs(grade as number) <= max) return grade as number
  throw lineFault(
    path,
    line,
    `grade ${JSON.stringify(value)} is not a whole number between -${max} and ${max}`,
  )
}
