import { z } from 'zod'
import { nearest } from '../core/nearest.ts'

/** One line a fault: where, what was wrong, and the nearest known name for a key that is not known. */
export function explainIssues(error: z.ZodError, schema: z.ZodType): string[] {
  return error.issues.flatMap((issue) => {
    const at = issue.path.map(String).join('.')
    if (issue.code !== 'unrecognized_keys')
      return [`${at === '' ? '(top level)' : at}: ${issue.message}`]
    const known = keysAt(schema, issue.path)
    return issue.keys.map((key) => {
      const meant = nearest(key, known)
      const hint = meant === undefined ? '' : `; did you mean "${meant}"?`
      return `${[...issue.path, key].map(String).join('.')}: no such setting${hint}`
    })
  })
}

/** The keys of the object schema at a path, looking through defaults, optionals and transforms. */
function keysAt(schema: z.ZodType, path: readonly PropertyKey[]): string[] {
  let current: z.ZodType | undefined = unwrap(schema)
  for (const step of path) {
    if (current instanceof z.ZodObject) current = unwrap(current.shape[String(step)] as z.ZodType)
    else if (current instanceof z.ZodRecord) current = unwrap(current.valueType as z.ZodType)
    else return []
  }
  return current instanceof z.ZodObject ? Object.keys(current.shape) : []
}

function unwrap(schema: z.ZodType | undefined): z.ZodType | undefined {
  let current = schema
  while (current !== undefined) {
    if (current instanceof z.ZodPipe) current = current.in as z.ZodType
    else if (
      current instanceof z.ZodDefault ||
      current instanceof z.ZodPrefault ||
      current instanceof z.ZodOptional ||
      current instanceof z.ZodNullable
    )
      current = current.unwrap() as z.ZodType
    else return current
  }
  return current
}
