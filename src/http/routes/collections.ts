import { z } from 'zod'
import type { Collection } from '../../catalog/catalog.ts'
import { toSnake } from '../../core/casing.ts'
import { QuarryError } from '../../core/errors.ts'
import type { Limits } from '../../core/limits.ts'
import type { CollectionId } from '../../core/model.ts'
import { decodeCursor, paginate } from '../cursor.ts'
import { type Route, route } from '../route.ts'
import {
  collectionAnswer,
  collectionBody,
  collectionList,
  mergePolicy,
} from '../schemas/collection.ts'
import { collectionParams, pageQuery } from '../schemas/common.ts'

const TAG = 'Collections'

const put = route({
  method: 'PUT',
  path: '/v1/collections/{collection}',
  operation: 'putCollection',
  tag: TAG,
  summary: 'Make a collection, or get the one that is there',
  about: 'An existing collection keeps its policy: change it with PATCH.',
  reach: 'service',
  scopes: ['admin'],
  params: collectionParams,
  body: collectionBody,
  answers: {
    200: { about: 'It was there already', schema: collectionAnswer },
    201: { about: 'Made', schema: collectionAnswer },
  },
  handle: async ({ deps, params, body }) => {
    const { collection, created } = await deps.createCollection(params.collection, body ?? {})
    const headers = { location: `/v1/collections/${collection.id}` }
    return { status: created ? 201 : 200, body: present(collection), headers }
  },
})

const get = route({
  method: 'GET',
  path: '/v1/collections/{collection}',
  operation: 'getCollection',
  tag: TAG,
  summary: 'A collection, its policy and the index that serves it',
  reach: 'shared',
  scopes: ['retrieve', 'ingest', 'eval'],
  params: collectionParams,
  answers: { 200: { about: 'The collection', schema: collectionAnswer } },
  handle: async ({ deps, params }) => {
    const collection = await deps.catalog.collections.get(params.collection)
    if (collection === null) throw unknownCollection(params.collection)
    return { status: 200, body: present(collection) }
  },
})

const list = (limits: Limits) =>
  route({
    method: 'GET',
    path: '/v1/collections',
    operation: 'listCollections',
    tag: TAG,
    summary: 'Collections in the order of their names',
    reach: 'shared',
    scopes: ['retrieve', 'ingest', 'eval'],
    query: pageQuery(limits),
    answers: { 200: { about: 'One page', schema: collectionList } },
    handle: async ({ deps, query }) => {
      const after = decodeCursor(query.cursor) as CollectionId | null
      const found = await deps.catalog.collections.list(after, query.limit + 1)
      const { rows, nextCursor } = paginate(found, query.limit, ({ id }) => id)
      return { status: 200, body: { collections: rows.map(present), next_cursor: nextCursor } }
    },
  })

const patch = route({
  method: 'PATCH',
  path: '/v1/collections/{collection}',
  operation: 'patchCollection',
  tag: TAG,
  summary: 'Change the parts of a policy that need no re-embedding',
  about: 'Objects are merged with what is there; 409 for parts that would need re-embedding.',
  reach: 'service',
  scopes: ['admin'],
  params: collectionParams,
  body: collectionBody,
  answers: { 200: { about: 'As it is now', schema: collectionAnswer } },
  handle: async ({ deps, params, body }) => {
    const current = await deps.catalog.collections.get(params.collection)
    if (current === null) throw unknownCollection(params.collection)
    const changes = mergePolicy(current.policy, body ?? {})
    return {
      status: 200,
      body: present(await deps.updateCollection(params.collection, changes)),
    }
  },
})

const remove = route({
  method: 'DELETE',
  path: '/v1/collections/{collection}',
  operation: 'deleteCollection',
  tag: TAG,
  summary: "Remove a collection with every tenant's documents",
  reach: 'service',
  scopes: ['admin'],
  params: collectionParams,
  answers: {
    200: {
      about: 'Removed',
      schema: z.strictObject({ name: z.string(), outcome: z.literal('deleted') }),
    },
  },
  handle: async ({ deps, params }) => {
    if (!(await deps.catalog.collections.remove(params.collection)))
      throw unknownCollection(params.collection)
    deps.notifyWrite()
    return { status: 200, body: { name: params.collection, outcome: 'deleted' } }
  },
})

export const collectionRoutes = (limits: Limits): readonly Route[] => [
  put,
  get,
  list(limits),
  patch,
  remove,
]

function unknownCollection(id: CollectionId): QuarryError {
  return new QuarryError('not_found', `no collection "${id}"`)
}

function present({ id, policy, serving, createdAt }: Collection) {
  return {
    name: id,
    policy: toSnake(policy),
    index: {
      id: serving.index,
      space: serving.space.name,
      dimensions: serving.space.dimensions,
      store: serving.store,
      state: serving.state,
    },
    created_at: createdAt.toISOString(),
  }
}
