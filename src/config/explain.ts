import { z } from 'zod'
import { nearest } from '../core/nearest.ts'

/** One line a fault: where, what was wrong, and the nearest known name for a key that is not known. */
export function explainIssues(issues: readonly z.core.$ZodIssue[]): string[] {
  return issues.flatMap((issue) => {
    if (issue.code === 'unrecognized_keys') {
      const hints = issue.message.split('\n')
      return issue.keys.map((key, at) => `${placeOf([...issue.path, key])}: ${hints[at] ?? ''}`)
    }
    if (issue.code === 'invalid_key')
      return `${placeOf(issue.path)}: ${issue.issues[0]?.message ?? issue.message}`
    return `${placeOf(issue.path)}: ${issue.message}`
  })
}

/** `limits.budget_ms` */
function placeOf(path: readonly PropertyKey[]): string {
  return path.length === 0 ? '(top level)' : path.map(String).join('.')
}

/** To be given to every `safeParse`: only then does zod still say which schema refused, and with it what it knows. */
export function wordIssue(issue: z.core.$ZodRawIssue): string | undefined {
  if (issue.code === 'unrecognized_keys') {
    const known = knownKeys(issue.inst)
    return (issue.keys as string[]).map((key) => noSuchSetting(key, known)).join('\n')
  }
  if (issue.code === 'invalid_union' && issue['discriminator'] !== undefined)
    return `expected one of ${(issue['options'] as unknown[]).map(String).join(', ')}`
  return undefined
}

function noSuchSetting(name: string, known: readonly string[]): string {
  const meant = nearest(name, known)
  return meant === undefined ? 'no such setting' : `no such setting; did you mean "${meant}"?`
}

function knownKeys(schema: unknown): string[] {
  return schema instanceof z.ZodObject ? Object.keys(schema.shape) : []
}
