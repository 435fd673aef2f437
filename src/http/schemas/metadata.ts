import { z } from 'zod'
import { RESERVED_FIELDS } from '../../core/filter.ts'
import { LIMITS } from '../../core/limits.ts'
import type { Metadata } from '../../core/model.ts'
import { text, utf8Bytes } from './common.ts'

const key = text
  .min(1)
  .max(LIMITS.metadataKeyChars.default)
  .refine((name) => !RESERVED_FIELDS.has(name), { error: 'is a reserved field' })

const value = z.union([text, z.number(), z.boolean(), z.array(text), z.array(z.number())], {
  error: 'must be a string, a number, a boolean, or an array of strings or of numbers',
})

/** A document's own fields, as a caller sends them: what filters see. */
export const metadata: z.ZodType<Metadata> = z
  .record(key, value)
  .refine((fields) => Object.keys(fields).length <= LIMITS.metadataKeys.default, {
    error: `has more than ${LIMITS.metadataKeys.default} fields`,
  })
  .refine((fields) => utf8Bytes(JSON.stringify(fields)) <= LIMITS.metadataBytes.default, {
    error: `is larger than ${LIMITS.metadataBytes.default} bytes as JSON`,
  })
  .describe('Fields for filters: strings, numbers, booleans, arrays of strings or of numbers')

/** Metadata in an answer. */
export const metadataAnswer = z.record(
  z.string(),
  z.union([z.string(), z.number(), z.boolean(), z.array(z.union([z.string(), z.number()]))]),
)
