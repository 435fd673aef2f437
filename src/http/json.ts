import { QuarryError } from '../core/errors.ts'
import { LIMITS } from '../core/limits.ts'
import { pointerOf } from './validate.ts'

const utf8 = new TextDecoder('utf-8', { fatal: true })

/** UTF-8 or `invalid_request`; replacement characters would change what was sent without a word. */
export function decodeUtf8(bytes: Uint8Array, what: string): string {
  try {
    return utf8.decode(bytes)
  } catch (cause) {
    throw new QuarryError('invalid_request', `${what} is not valid UTF-8`, { cause })
  }
}

/** Parses JSON that a caller sent: bounded in depth, and free of `__proto__`, which object spreads would act on. */
export function parseJson(text: string, what: string): unknown {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (cause) {
    throw new QuarryError('invalid_request', `${what} is not valid JSON`, { cause })
  }
  checkShape(value, what)
  return value
}

/** Level by level, without recursion and without a note for each value: the serving thread does this, too. */
function checkShape(root: unknown, what: string): void {
  const { jsonDepth, jsonContainers } = LIMITS
  let level: object[] = isObject(root) ? [root] : []
  let containers = 0
  for (let depth = 1; level.length > 0; depth += 1) {
    if (depth > jsonDepth.max) throw refuse(what, `is nested deeper than ${jsonDepth.max} levels`)
    containers += level.length
    if (containers > jsonContainers.max)
      throw refuse(what, `has more than ${jsonContainers.max} objects and arrays`)
    if (level.some(holdsForbiddenKey)) throw refusedKey(root, what)
    level = containersIn(level)
  }
}

function refuse(what: string, fault: string): QuarryError {
  return new QuarryError('invalid_request', `${what} ${fault}`)
}

function containersIn(level: readonly object[]): object[] {
  const containers: object[] = []
  for (const each of level) {
    const values: unknown[] = Array.isArray(each) ? each : Object.values(each)
    for (const value of values) if (isObject(value)) containers.push(value)
  }
  return containers
}

function holdsForbiddenKey(value: object): boolean {
  return Object.hasOwn(value, '__proto__')
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null
}

function refusedKey(root: unknown, what: string): QuarryError {
  const detail = 'a field may not be named "__proto__"'
  return new QuarryError('invalid_request', `${what}: ${detail}`, {
    details: { errors: [{ pointer: pointerOf(pathOfForbiddenKey(root) ?? []), detail }] },
  })
}

/** Recursive, but only over what has passed the bound on depth up to the level of the key. */
function pathOfForbiddenKey(value: unknown, depth = 0): readonly string[] | null {
  if (!isObject(value) || depth > LIMITS.jsonDepth.max) return null
  if (holdsForbiddenKey(value)) return ['__proto__']
  for (const [key, inner] of Object.entries(value)) {
    const path = pathOfForbiddenKey(inner, depth + 1)
    if (path !== null) return [key, ...path]
  }
  return null
}
