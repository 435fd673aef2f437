import { createHash } from 'node:crypto'
import { z } from 'zod'
import type { Delivery } from '../catalog/catalog.ts'
import { LIMITS } from '../core/limits.ts'
import type { CollectionId, TenantId } from '../core/model.ts'

/** What lies in the queue: ids only, since a queue keeps its data in clear text and outside row-level security. */
const payloadSchema = z.strictObject({
  tenant: z.string().min(1),
  collection: z.string().min(1),
  items: z
    .array(z.string().regex(/^\d{1,19}$/))
    .min(1)
    .max(LIMITS.jobItems.max),
})

export type DeliveryPayload = z.infer<typeof payloadSchema>

export function packDelivery(delivery: Delivery): DeliveryPayload {
  return { ...delivery, items: delivery.items.map(String) }
}

/** Null for a payload that no release of this service has written. */
export function unpackDelivery(payload: unknown): Delivery | null {
  const parsed = payloadSchema.safeParse(payload)
  if (!parsed.success) return null
  const { tenant, collection, items } = parsed.data
  return {
    tenant: tenant as TenantId,
    collection: collection as CollectionId,
    items: items.map(BigInt),
  }
}

/** The same items make the same job, so that adding them again while the job is there does nothing. */
export function deliveryJobId(delivery: Delivery): string {
  const items = delivery.items.map(String).sort().join(' ')
  return `delivery-${createHash('sha256').update(items).digest('hex').slice(0, 32)}`
}
