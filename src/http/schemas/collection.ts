import { z } from 'zod'
import { type CollectionPolicy, collectionPolicySchema } from '../../catalog/policy.ts'
import { snakeObject } from '../../catalog/snake-schema.ts'
import { toCamel } from '../../core/casing.ts'
import { layer } from '../../core/layer.ts'
import { jsonOf } from '../body.ts'
import type { BodySpec } from '../route.ts'
import { check } from '../validate.ts'
import { nextCursor, timestamp } from './common.ts'

export type PolicyFields = Readonly<Record<string, unknown>>

const policy = snakeObject(collectionPolicySchema)

/** Every part may be left out: the configuration fills in a new collection's, a patch leaves the others alone. */
const collectionSchema = z
  .strictObject({ policy: policy.partial().optional() })
  .describe('How the collection chunks, embeds, searches, fuses, reranks and prompts')

/** The policy as sent, with the core's names and nothing filled in. */
export const collectionBody: BodySpec<PolicyFields> = {
  contents: { 'application/json': collectionSchema },
  optional: true,
  bytesMax: (settings) => settings.retrieveBodyBytes,
  read: (received) => {
    const sent = jsonOf(received)
    check(collectionSchema, sent, 'body')
    return toCamel((sent as { policy?: PolicyFields }).policy ?? {}) as PolicyFields
  },
}

/** What was sent, laid over the policy in force: objects merge, everything else replaces, and null is a value. */
export function mergePolicy(
  current: CollectionPolicy,
  sent: PolicyFields,
): Partial<CollectionPolicy> {
  const merged = check(collectionPolicySchema, layer(current, sent), 'policy')
  const changed = Object.entries(merged).filter(([key]) => Object.hasOwn(sent, key))
  return Object.fromEntries(changed)
}

export const collectionAnswer = z.strictObject({
  name: z.string(),
  policy,
  index: z
    .strictObject({
      id: z.string(),
      space: z.string(),
      dimensions: z.int(),
      store: z.string(),
      state: z.enum(['building', 'live', 'retired']),
    })
    .describe('The index that answers now'),
  created_at: timestamp,
})

export const collectionList = z.strictObject({
  collections: z.array(collectionAnswer),
  next_cursor: nextCursor,
})
