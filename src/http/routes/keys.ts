import { z } from 'zod'
import { type ApiKey, KEY_SCOPES } from '../../catalog/catalog.ts'
import { QuarryError } from '../../core/errors.ts'
import type { TenantId } from '../../core/model.ts'
import { jsonBody } from '../body.ts'
import { type Route, route } from '../route.ts'
import { tenantId, text, timestamp } from '../schemas/common.ts'

const TAG = 'Keys'
const scopes = z.array(z.enum(KEY_SCOPES)).min(1).max(KEY_SCOPES.length)

const keyBody = z.strictObject({
  name: text.min(1).max(128),
  scopes,
  tenant: tenantId
    .nullable()
    .default(null)
    .describe('Null: the key acts for the tenant named in `X-Tenant-Id`'),
  expires_at: z.iso
    .datetime({ offset: true })
    .refine((at) => Date.parse(at) > Date.now(), { error: 'is in the past' })
    .nullable()
    .default(null),
})

const fields = {
  id: z.string(),
  name: z.string(),
  scopes,
  tenant: z.string().nullable(),
  created_at: timestamp,
  last_used_at: timestamp.nullable(),
  expires_at: timestamp.nullable(),
  revoked_at: timestamp.nullable(),
}
const keyAnswer = z.strictObject(fields)
const newKeyAnswer = z.strictObject({
  ...fields,
  key: z.string().describe('The whole key, shown this once'),
})

const create = route({
  method: 'POST',
  path: '/v1/keys',
  operation: 'createKey',
  tag: TAG,
  summary: 'Make a key',
  about: 'Takes no Idempotency-Key: an answer that holds a secret is not kept.',
  reach: 'service',
  scopes: ['admin'],
  body: jsonBody(keyBody, (settings) => settings.retrieveBodyBytes),
  answers: { 201: { about: 'Made', schema: newKeyAnswer } },
  handle: async ({ deps, body }) => {
    const { key, secret } = await deps.catalog.keys.create({
      name: body.name,
      scopes: [...new Set(body.scopes)],
      tenant: body.tenant as TenantId | null,
      expiresAt: body.expires_at === null ? null : new Date(body.expires_at),
    })
    return { status: 201, body: { ...present(key), key: secret } }
  },
})

const list = route({
  method: 'GET',
  path: '/v1/keys',
  operation: 'listKeys',
  tag: TAG,
  summary: 'All keys, without their secrets',
  reach: 'service',
  scopes: ['admin'],
  answers: {
    200: { about: 'The keys', schema: z.strictObject({ keys: z.array(keyAnswer) }) },
  },
  handle: async ({ deps }) => ({
    status: 200,
    body: { keys: (await deps.catalog.keys.list()).map(present) },
  }),
})

const revoke = route({
  method: 'DELETE',
  path: '/v1/keys/{key}',
  operation: 'revokeKey',
  tag: TAG,
  summary: 'Revoke a key',
  about: 'It stops working at once here, and within a second in every other process.',
  reach: 'service',
  scopes: ['admin'],
  params: z.strictObject({ key: text.min(1).max(128) }),
  answers: {
    200: {
      about: 'Revoked',
      schema: z.strictObject({ id: z.string(), outcome: z.literal('revoked') }),
    },
  },
  handle: async ({ deps, params, authenticator }) => {
    const revoked = await deps.catalog.keys.revoke(params.key)
    if (!revoked) throw new QuarryError('not_found', `no live key ${JSON.stringify(params.key)}`)
    authenticator.forget()
    return { status: 200, body: { id: params.key, outcome: 'revoked' } }
  },
})

export const KEY_ROUTES: readonly Route[] = [create, list, revoke]

function present(key: ApiKey) {
  return {
    id: key.id,
    name: key.name,
    scopes: [...key.scopes],
    tenant: key.tenant,
    created_at: key.createdAt.toISOString(),
    last_used_at: key.lastUsedAt?.toISOString() ?? null,
    expires_at: key.expiresAt?.toISOString() ?? null,
    revoked_at: key.revokedAt?.toISOString() ?? null,
  }
}
