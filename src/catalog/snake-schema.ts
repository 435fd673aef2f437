import { z } from 'zod'
import { snakeCase, toSnake } from '../core/casing.ts'

/** The same schema with every declared name in snake_case, so that files, requests, errors and the API document agree. */
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
