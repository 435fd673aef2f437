import { z } from 'zod'
import { RESERVED_FIELDS } from '../../core/filter.ts'
import { LIMITS, type Limits } from '../../core/limits.ts'
import type { Metadata } from '../../core/model.ts'
import { text, utf8Bytes } from './common.ts'

const key = text
  .min(1)
  .max(LIMITS.metadataKeyChars.max)
  .refine((name) => !RESERVED_FIELDS.has(name), { error: 'is a reserved field' })

const value = z.union([text, z.number(), z.boolean(), z.array(text), z.array(z.number())], {
  error: 'must be a string, a number, a boolean, or an array of strings or of numbers',
})

export type MetadataLimits = Pick<Limits, 'metadataKeys' | 'metadataBytes'>

/** A document's own fields, as a caller sends them: what filters see. */
export function metadataSchema({ metadataKeys, metadataBytes }: MetadataLimits) {
  const schema: z.ZodType<Metadata> = z
    .record(key, value)
    .refine((fields) => Object.keys(fields).length <= metadataKeys, {
      error: `has more than ${metadataKeys} fields`,
    })
    .refine((fields) => utf8Bytes(JSON.stringify(fields)) <= metadataBytes, {
      error: `is larger than ${metadataBytes} bytes as JSON`,
    })
    .describe('Fields for filters: strings, numbers, booleans, arrays of strings or of numbers')
  return schema
}

/** Metadata in an answer. */
export const metadataAnswer = z.record(
  z.string(),
  z.union([z.string(), z.number(), z.boolean(), z.array(z.union([z.string(), z.number()]))]),
)
