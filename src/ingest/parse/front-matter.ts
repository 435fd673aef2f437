import type { MetadataValue } from '../../core/model.ts'

export interface FrontMatter {
  readonly fields: ReadonlyMap<string, MetadataValue>
  /** Just behind the closing line. */
  readonly end: number
}

const CHARS_MAX = 64_000
const FIELD = /^([\p{L}_][\p{L}\p{N}_.-]{0,63}):(?:[ \t]+(.*))?$/u
const ITEM = /^[ \t]*-[ \t]+(.*)$/

/**
 * The YAML head of a Markdown file, as far as metadata can hold it: scalars and lists of scalars. Nested maps are
 * skipped; a head that is not YAML at all (a rule, say) is no front matter.
 */
export function readFrontMatter(text: string): FrontMatter | null {
  const opening = /^---[ \t]*\n/.exec(text)
  if (opening === null) return null
  const head = text.slice(opening[0].length, CHARS_MAX)
  const closing = /^(?:---|\.\.\.)[ \t]*$/m.exec(head)
  if (closing === null) return null
  const lines = head.slice(0, closing.index).split('\n')
  const fields = readFields(lines)
  if (fields === null || fields.size === 0) return null
  return { fields, end: opening[0].length + closing.index + closing[0].length }
}

function readFields(lines: readonly string[]): Map<string, MetadataValue> | null {
  if (!lines.every(isYaml)) return null
  const fields = new Map<string, MetadataValue>()
  let name = ''
  let items: string[] = []
  for (const line of lines) {
    const field = FIELD.exec(line)
    if (field !== null) {
      name = field[1] ?? ''
      items = []
    }
    const value = (field?.[2] ?? '').trim()
    if (isFlat(value)) fields.set(name, scalarOrList(value))
    const item = ITEM.exec(line)?.[1]
    if (item !== undefined && name !== '') {
      items.push(unquote(item))
      fields.set(name, items)
    }
  }
  return fields
}

function isYaml(line: string): boolean {
  return line.trim() === '' || /^[ \t#]/.test(line) || FIELD.test(line) || ITEM.test(line)
}

function isFlat(value: string): boolean {
  return value !== '' && !/^[|>&*{]/.test(value)
}

function scalarOrList(value: string): MetadataValue {
  if (value.startsWith('[') && value.endsWith(']')) {
    const items = value.slice(1, -1).split(',').map(unquote)
    return items.filter((item) => item !== '')
  }
  if (value === 'true' || value === 'false') return value === 'true'
  if (/^-?(?:0|[1-9]\d{0,14})(?:\.\d{1,15})?$/.test(value)) return Number(value)
  return unquote(value)
}

function unquote(value: string): string {
  const trimmed = value.trim()
  const quoted = /^"(.*)"$|^'(.*)'$/.exec(trimmed)
  return quoted?.[1] ?? quoted?.[2] ?? trimmed.replace(/(?<![ \t])[ \t]+#.*$/, '')
}
