import type { QuarryError } from '../../core/errors.ts'
import { jsonFault } from '../../core/json-fault.ts'
import { type ParseCaps, refuseDepth } from './parsed.ts'

/** JSON with numbers as they were written (a 64-bit id loses nothing) and keys in their order. Null is null. */
export type JsonNode =
  | null
  | { readonly kind: 'scalar'; readonly text: string }
  | { readonly kind: 'array'; readonly items: readonly JsonNode[] }
  | { readonly kind: 'object'; readonly entries: readonly (readonly [string, JsonNode])[] }

/** The engine's own parser decides what is valid; then the same text is read for what that parser drops. */
export function readJson(
  text: string,
  caps: ParseCaps,
  refuse: (fault: string) => QuarryError,
): JsonNode {
  try {
    JSON.parse(text)
  } catch (cause) {
    throw refuse(jsonFault(text, cause))
  }
  let at = 0

  const skipSpace = (): void => {
    while (at < text.length && text.charCodeAt(at) <= 0x20) at += 1
  }

  const readString = (): string => {
    const start = at
    at += 1
    while (text.charCodeAt(at) !== 0x22) at += text.charCodeAt(at) === 0x5c ? 2 : 1
    at += 1
    return JSON.parse(text.slice(start, at)) as string
  }

  const readLiteral = (): JsonNode => {
    const start = at
    while (at < text.length && !/[\s,\]}]/.test(text.charAt(at))) at += 1
    const literal = text.slice(start, at)
    return literal === 'null' ? null : { kind: 'scalar', text: literal }
  }

  /** Reads members until the closing bracket; commas are known to be in their places. */
  const readMembers = <T>(closing: number, readMember: () => T): T[] => {
    const members: T[] = []
    at += 1
    skipSpace()
    while (text.charCodeAt(at) !== closing) {
      members.push(readMember())
      skipSpace()
      if (text.charCodeAt(at) === 0x2c) at += 1
      skipSpace()
    }
    at += 1
    return members
  }

  const readValue = (depth: number): JsonNode => {
    refuseDepth(depth, caps, 'JSON')
    skipSpace()
    switch (text.charAt(at)) {
      case '"':
        return { kind: 'scalar', text: readString() }
      case '[':
        return { kind: 'array', items: readMembers(0x5d, () => readValue(depth + 1)) }
      case '{': {
        const readEntry = (): readonly [string, JsonNode] => {
          const key = readString()
          skipSpace()
          at += 1
          return [key, readValue(depth + 1)]
        }
        return { kind: 'object', entries: readMembers(0x7d, readEntry) }
      }
      default:
        return readLiteral()
    }
  }

  return readValue(0)
}
