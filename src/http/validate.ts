import { z } from 'zod'
import { QuarryError } from '../core/errors.ts'
import { nearest } from '../core/nearest.ts'

/** One fault of a request: a JSON pointer (RFC 6901) into what was sent, and what would be right. */
export interface Fault {
  readonly pointer: string
  readonly detail: string
  /** From 1, in an NDJSON body. */
  readonly line?: number | undefined
}

const FAULTS_MAX = 20
/** Long enough for every name there is; bounds the work of looking for the nearest. */
const NAME_CHARS_MAX = 64

/** The value as the schema has it, or `invalid_request` with every fault and its place. `where`: «body», «query» … */
export function check<T>(schema: z.ZodType<T>, value: unknown, where: string): T {
  // Most values are right, and zod takes twice as long where it may be asked for words.
  const result = schema.safeParse(value)
  if (result.success) return result.data
  const { error = result.error } = schema.safeParse(value, { error: explain })
  throw refuse(faultsOf(error), where)
}

export function refuse(faults: readonly Fault[], where: string): QuarryError {
  const first = faults[0]
  const at = first === undefined || first.pointer === '' ? '' : ` ${first.pointer}`
  const line = first?.line === undefined ? '' : ` line ${first.line}`
  const more = faults.length > 1 ? ` (and ${faults.length - 1} more)` : ''
  const message = `${where}${line}${at}: ${first?.detail ?? 'invalid'}${more}`
  return new QuarryError('invalid_request', message, { details: { errors: faults } })
}

export function faultsOf(error: z.ZodError): Fault[] {
  return error.issues.flatMap((issue) => flatten(issue, [])).slice(0, FAULTS_MAX)
}

/** `/a/0/b~1c` for ['a', 0, 'b/c']. */
export function pointerOf(path: readonly PropertyKey[]): string {
  return path.map((step) => `/${String(step).replaceAll('~', '~0').replaceAll('/', '~1')}`).join('')
}

function flatten(issue: z.core.$ZodIssue, base: readonly PropertyKey[]): Fault[] {
  const path = [...base, ...issue.path]
  if (issue.code === 'unrecognized_keys') {
    const details = issue.message.split('\n')
    return issue.keys.map((key, at) => ({
      pointer: pointerOf([...path, key.slice(0, NAME_CHARS_MAX)]),
      detail: details[at] ?? 'no such field',
    }))
  }
  if (issue.code === 'invalid_union') return flattenUnion(issue, path)
  if (issue.code === 'invalid_key') {
    const detail = issue.issues[0]?.message ?? issue.message
    return [{ pointer: pointerOf(path), detail }]
  }
  return [{ pointer: pointerOf(path), detail: issue.message }]
}

/** Of a union's branches the one with the least to complain about is the one that was meant, if it took the type at all. */
function flattenUnion(issue: z.core.$ZodIssueInvalidUnion, path: readonly PropertyKey[]): Fault[] {
  const fitting = issue.errors.filter((branch) => !branch.some(isWrongType))
  const [first, ...others] = fitting
  if (first === undefined) return [{ pointer: pointerOf(path), detail: issue.message }]
  const likeliest = others.reduce(
    (best, next) => (faultWeight(next) < faultWeight(best) ? next : best),
    first,
  )
  return likeliest.flatMap((inner) => flatten(inner, path))
}

function isWrongType(issue: z.core.$ZodIssue): boolean {
  return issue.code === 'invalid_type' && issue.path.length === 0
}

function faultWeight(issues: readonly z.core.$ZodIssue[]): number {
  return issues.reduce((sum, issue) => sum + issueWeight(issue), 0)
}

function issueWeight(issue: z.core.$ZodIssue): number {
  if (issue.code === 'unrecognized_keys') return 2 * issue.keys.length
  // A discriminator that is missing or unknown: less than two unknown fields, more than one.
  if (issue.code === 'invalid_union' && issue.errors.length === 0) return 3
  if (issue.code === 'invalid_type' && issue.expected === 'never') return 10
  return 1
}

/** Only here does zod still say which schema refused, and with it which names it knows. */
function explain(issue: z.core.$ZodRawIssue): string | undefined {
  if (issue.code === 'unrecognized_keys') {
    const known = knownKeys(issue.inst)
    return (issue.keys as string[]).map((key) => unknownField(key, known)).join('\n')
  }
  if (issue.code === 'invalid_union' && issue['discriminator'] !== undefined)
    return `expected one of ${(issue['options'] as unknown[]).map((option) => JSON.stringify(option)).join(', ')}`
  return undefined
}

function knownKeys(schema: unknown): readonly string[] {
  const shape = (schema as z.core.$ZodObject | undefined)?._zod.def.shape
  if (shape === undefined) return []
  return Object.keys(shape).filter((name) => !isForbidden(shape[name]))
}

/** Declared only to be refused. */
function isForbidden(schema: unknown): boolean {
  return schema instanceof z.ZodOptional && schema.unwrap() instanceof z.ZodNever
}

function unknownField(key: string, known: readonly string[]): string {
  const shown = JSON.stringify(key.slice(0, NAME_CHARS_MAX))
  const meant = nearestField(key.slice(0, NAME_CHARS_MAX), known)
  if (meant !== undefined) return `no field ${shown}; did you mean "${meant}"?`
  return `no field ${shown}; known are ${known.join(', ')}`
}

/** `topK` and `Top-K` mean `top_k`: spelling styles do not count as mistakes. */
function nearestField(key: string, known: readonly string[]): string | undefined {
  const plain = (name: string) => name.toLowerCase().replaceAll(/[_-]/g, '')
  const byPlain = new Map(known.map((name) => [plain(name), name]))
  const meant = nearest(plain(key), byPlain.keys())
  return meant === undefined ? undefined : byPlain.get(meant)
}
