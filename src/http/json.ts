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

interface Node {
  readonly value: object
  readonly depth: number
  readonly parent: Node | null
  readonly key: PropertyKey
}

/** Walks without recursion, so that depth is a number and not a stack overflow. */
function checkShape(root: unknown, what: string): void {
  const stack: Node[] = isObject(root) ? [{ value: root, depth: 1, parent: null, key: '' }] : []
  let containers = 0
  for (let node = stack.pop(); node !== undefined; node = stack.pop()) {
    containers += 1
    checkSize(node.depth, containers, what)
    for (const [key, value] of Object.entries(node.value)) {
      if (key === '__proto__') throw refusedKey(what, node)
      if (isObject(value)) stack.push({ value, depth: node.depth + 1, parent: node, key })
    }
  }
}

function checkSize(depth: number, containers: number, what: string): void {
  const { jsonDepth, jsonContainers } = LIMITS
  if (depth > jsonDepth.default)
    throw new QuarryError(
      'invalid_request',
      `${what} is nested deeper than ${jsonDepth.default} levels`,
    )
  if (containers > jsonContainers.default)
    throw new QuarryError(
      'invalid_request',
      `${what} has more than ${jsonContainers.default} objects and arrays`,
    )
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null
}

function refusedKey(what: string, at: Node): QuarryError {
  const path: PropertyKey[] = ['__proto__']
  for (let node: Node | null = at; node?.parent; node = node.parent) path.unshift(node.key)
  const detail = 'a field may not be named "__proto__"'
  return new QuarryError('invalid_request', `${what}: ${detail}`, {
    details: { errors: [{ pointer: pointerOf(path), detail }] },
  })
}
