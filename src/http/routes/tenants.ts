import { z } from 'zod'
import { QuarryError } from '../../core/errors.ts'
import type { Limits } from '../../core/limits.ts'
import type { TenantId } from '../../core/model.ts'
import { decodeCursor, paginate } from '../cursor.ts'
import { type Route, route } from '../route.ts'
import { nextCursor, pageQuery, tenantId } from '../schemas/common.ts'

const TAG = 'Tenants'

const list = (limits: Limits) =>
  route({
    method: 'GET',
    path: '/v1/tenants',
    operation: 'listTenants',
    tag: TAG,
    summary: 'Tenants in the order of their ids',
    reach: 'service',
    scopes: ['admin'],
    query: pageQuery(limits),
    answers: {
      200: {
        about: 'One page',
        schema: z.strictObject({ tenants: z.array(z.string()), next_cursor: nextCursor }),
      },
    },
    handle: async ({ deps, query }) => {
      const found = await deps.catalog.tenants.list(decodeCursor(query.cursor), query.limit + 1)
      const { rows, nextCursor: next } = paginate(found, query.limit, (id) => id)
      return { status: 200, body: { tenants: rows, next_cursor: next } }
    },
  })

const remove = route({
  method: 'DELETE',
  path: '/v1/tenants/{tenant}',
  operation: 'deleteTenant',
  tag: TAG,
  summary: 'Remove a tenant with all its documents, from every index',
  reach: 'service',
  scopes: ['admin'],
  params: z.strictObject({ tenant: tenantId }),
  answers: {
    200: {
      about: 'Removed',
      schema: z.strictObject({ id: z.string(), outcome: z.literal('deleted') }),
    },
  },
  handle: async ({ deps, params }) => {
    if (!(await deps.catalog.tenants.remove(params.tenant as TenantId)))
      throw new QuarryError('not_found', `no tenant "${params.tenant}"`)
    deps.notifyWrite()
    return { status: 200, body: { id: params.tenant, outcome: 'deleted' } }
  },
})

export const tenantRoutes = (limits: Limits): readonly Route[] => [list(limits), remove]
