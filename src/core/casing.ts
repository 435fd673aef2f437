/** `tokensMax` → `tokens_max`. `parse_memory_mi_b` would be unreadable, so units keep the spelling people expect. */
export function snakeCase(name: string): string {
  return name.replaceAll('MiB', 'Mib').replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)
}

/** A value of the code's own names as files and requests write it. */
export function toSnake(value: unknown): unknown {
  return renameKeys(value, snakeCase)
}

/** For values that a schema with declared names has accepted: any other name would change its meaning. */
export function toCamel(value: unknown): unknown {
  return renameKeys(value, camelCase)
}

function camelCase(name: string): string {
  return name.replaceAll(/_([a-z])/g, (_match, letter: string) => letter.toUpperCase())
}

function renameKeys(value: unknown, rename: (key: string) => string): unknown {
  if (Array.isArray(value)) return value.map((item) => renameKeys(item, rename))
  if (typeof value !== 'object' || value === null) return value
  const entries = Object.entries(value).map(
    ([key, item]) => [rename(key), renameKeys(item, rename)] as const,
  )
  return Object.fromEntries(entries)
}
