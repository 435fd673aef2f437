import { InvalidArgumentError, Option } from 'commander'
import { jsonFault } from '../src/core/json-fault.ts'
import type { Limit } from '../src/core/limits.ts'

/** For a whole number between the least and the most that a limit can be set to. */
export function wholeNumber({ min, max }: Pick<Limit, 'min' | 'max'>): (text: string) => number {
  return (text) => {
    const value = Number(text)
    if (!/^\d{1,15}$/.test(text) || value < min || value > max)
      throw new InvalidArgumentError(`It must be a whole number from ${min} to ${max}.`)
    return value
  }
}

export function jsonObject(text: string): Record<string, unknown> {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (cause) {
    throw new InvalidArgumentError(`It is not JSON: ${jsonFault(text, cause)}.`)
  }
  if (typeof value === 'object' && value !== null && !Array.isArray(value))
    return value as Record<string, unknown>
  throw new InvalidArgumentError('It must be a JSON object.')
}

/** A day, which begins at midnight UTC, or a time with its offset; as RFC 3339 in UTC. */
export function futureTime(text: string): string {
  const shaped = /^\d{4}-\d\d-\d\d(?:T\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:\d\d))?$/.test(
    text,
  )
  const at = shaped ? Date.parse(text) : Number.NaN
  if (Number.isNaN(at))
    throw new InvalidArgumentError('It must be like 2030-01-31 or 2030-01-31T12:00:00Z.')
  if (at <= Date.now()) throw new InvalidArgumentError('It is in the past.')
  return new Date(at).toISOString()
}

export function httpUrl(text: string): string {
  if (URL.canParse(text) && /^https?:$/.test(new URL(text).protocol)) return text
  throw new InvalidArgumentError('It must be like http://127.0.0.1:7700.')
}

export function choice(flags: string, about: string, choices: readonly string[]): Option {
  return new Option(flags, about).choices(choices)
}

/** Help text that ends with commands to copy. */
export function examples(...lines: readonly string[]): string {
  return `\nExample${lines.length > 1 ? 's' : ''}:\n${lines.map((line) => `  $ ${line}`).join('\n')}`
}
