import { access, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { z } from 'zod'
import { QuarryError } from '../../src/core/errors.ts'
import { jsonFault } from '../../src/core/json-fault.ts'

/** A JSON file of the model's folder; null when there is none. */
export async function readModelJson<Schema extends z.ZodType>(
  folder: string,
  name: string,
  schema: Schema,
): Promise<z.output<Schema> | null> {
  const path = join(folder, name)
  const text = await readModelText(path)
  if (text === null) return null
  const parsed = schema.safeParse(parse(path, text))
  if (parsed.success) return parsed.data
  const issue = parsed.error.issues[0]
  throw new QuarryError(
    'unsupported',
    `${path}: ${issue?.path.join('.') ?? ''} ${issue?.message ?? 'has an unexpected shape'}`,
  )
}

function parse(path: string, text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (cause) {
    throw new QuarryError('unsupported', `${path} is not JSON: ${jsonFault(text, cause)}`)
  }
}

export async function readModelText(path: string): Promise<string | null> {
  try {
    return await readFile(path, 'utf8')
  } catch (cause) {
    if (isAbsent(cause)) return null
    throw new QuarryError('unavailable', `${path} cannot be read`, { cause })
  }
}

function isAbsent(cause: unknown): boolean {
  return cause instanceof Error && 'code' in cause && cause.code === 'ENOENT'
}

export async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  )
}
