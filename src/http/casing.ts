import { z } from 'zod'

/** `tokensMax` → `tokens_max`. */
function snakeCase(name: string): string {
  return name.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)
}

function camelCase(name: string): string {
  return name.replaceAll(/_([a-z])/g, (_match, letter: string) => letter.toUpperCase())
}

/** For values that a schema of `snakeSchema` has accepted: they hold declared names only. */
export function toCamel(value: unknown): unknown {
  return renameKeys(value, camelCase)
}

export function toSnake(value: unknown): unknown {
  return renameKeys(value, snakeCase)
}

function renameKeys(value: unknown, rename: (key: string) => string): unknown {
  if (Array.isArray(value)) return value.map((item) => renameKeys(item, rename))
  if (typeof value !== 'object' || value === null) return value
  const entries = Object.entries(value).map(
    ([key, item]) => [rename(key), renameKeys(item, rename)] as const,
  )
  return Object.fromEntries(entries)
}

/** The same schema with every declared name in snake_case, so that requests, errors and the API document agree. */
export function snakeSchema(schema: unknown): z.ZodType {
  if (schema instanceof z.ZodObject) return snakeObject(schema)
  if (schema instanceof z.ZodDefault)
    return snakeSchema(schema.unwrap()).default(toSnake(schema.def.defaultValue))
  if (schema instanceof z.ZodPrefault)
    return snakeSchema(schema.unwrap()).prefault(toSnake(schema.def.defaultValue))
  if (schema instanceof z.ZodOptional) return snakeSchema(schema.unwrap()).optional()
  if (schema instanceof z.ZodNullable) return snakeSchema(schema.unwrap()).nullable()
  if (schema instanceof z.ZodDiscriminatedUnion) {
    const [first, ...rest] = schema.options.map((option) => snakeObject(option as z.ZodObject))
    if (first === undefined) return schema
    return z.discriminatedUnion(schema.def.discriminator, [first, ...rest])
  }
  return schema as z.ZodType
}

export function snakeObject(schema: z.ZodObject): z.ZodObject {
  const entries = Object.entries(schema.shape).map(
    ([name, inner]) => [snakeCase(name), snakeSchema(inner)] as const,
  )
  return z.strictObject(Object.fromEntries(entries))
}
