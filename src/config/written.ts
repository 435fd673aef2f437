import type { z } from 'zod'
import { isPlain } from '../core/layer.ts'
import { Secret } from '../core/secret.ts'

/**
 * A value that was written as text: `8080` may be a number or a name made of digits. What it may stand for, the
 * likeliest first; the schema decides.
 */
export class Written {
  readonly readings: readonly unknown[]

  constructor(readings: readonly unknown[]) {
    this.readings = readings
  }
}

/** JSON where it parses as JSON, text elsewhere; a number, a boolean or null may have been meant as text. */
export function readingsOf(text: string): unknown[] {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null ? [value] : [value, text]
  } catch {
    return [text]
  }
}

/** Checks settings with the first readings, then with the next ones of those that the schema took for another type. */
export function parseWritten<T>(
  schema: z.ZodType<T>,
  settings: unknown,
  error: z.core.$ZodErrorMap,
): z.ZodSafeParseResult<T> {
  const chosen = new Map<Written, number>()
  while (true) {
    const leaves = new Map<string, Written>()
    const result = schema.safeParse(read(settings, chosen, [], leaves), { error })
    if (result.success) return result
    const refused = result.error.issues.filter((issue) => {
      const leaf = leaves.get(keyOf(issue.path))
      return leaf !== undefined && readNext(leaf, issue, chosen)
    })
    if (refused.length === 0) return result
  }
}

function readNext(leaf: Written, issue: z.core.$ZodIssue, chosen: Map<Written, number>): boolean {
  const at = chosen.get(leaf) ?? 0
  const isOfAnotherType = issue.code === 'invalid_type' || issue.code === 'invalid_union'
  if (!isOfAnotherType && !(leaf.readings[at] instanceof Secret)) return false
  if (at + 1 >= leaf.readings.length) return false
  chosen.set(leaf, at + 1)
  return true
}

function read(
  value: unknown,
  chosen: ReadonlyMap<Written, number>,
  path: readonly PropertyKey[],
  leaves: Map<string, Written>,
): unknown {
  if (value instanceof Written) {
    leaves.set(keyOf(path), value)
    return value.readings[chosen.get(value) ?? 0]
  }
  if (Array.isArray(value))
    return value.map((item, index) => read(item, chosen, [...path, index], leaves))
  if (!isPlain(value)) return value
  const entries = Object.entries(value).map(
    ([key, inner]) => [key, read(inner, chosen, [...path, key], leaves)] as const,
  )
  return Object.fromEntries(entries)
}

function keyOf(path: readonly PropertyKey[]): string {
  return JSON.stringify(path.map(String))
}
