import type { Metadata, MetadataValue } from '../core/model.ts'

// A Postgres text holds neither U+0000 nor half of a surrogate pair. Both are replaced by U+FFFD, which is one UTF-16
// unit too, so that every span still points at the same characters.
const UNSTORABLE =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: U+0000 is the one that Postgres refuses
  /\u0000|[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g

export function storableText(text: string): string {
  return text.replace(UNSTORABLE, '\ufffd')
}

export function isStorable(text: string): boolean {
  return text.search(UNSTORABLE) === -1
}

export function storableMetadata(metadata: Metadata): Metadata {
  return Object.fromEntries(
    Object.entries(metadata).map(([field, value]) => [storableText(field), storableValue(value)]),
  )
}

export function isStorableMetadata(metadata: Metadata): boolean {
  return Object.entries(metadata).every(
    ([field, value]) => isStorable(field) && stringsOf(value).every(isStorable),
  )
}

function storableValue(value: MetadataValue): MetadataValue {
  if (typeof value === 'string') return storableText(value)
  if (!Array.isArray(value)) return value
  return value.map((item) => (typeof item === 'string' ? storableText(item) : item))
}

function stringsOf(value: MetadataValue): readonly string[] {
  const values: readonly unknown[] = Array.isArray(value) ? value : [value]
  return values.filter((item) => typeof item === 'string')
}
