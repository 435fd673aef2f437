import { z } from 'zod'
import { ERRORS } from '../core/errors.ts'
import { problemSchema } from './problem.ts'
import type { AnswerSpec, Route } from './route.ts'
import { filterGroup, filterNode } from './schemas/filter.ts'

export type Json = Readonly<Record<string, unknown>>

export interface OpenApiDocument {
  readonly openapi: '3.1.0'
  readonly info: Json
  readonly tags: readonly Json[]
  readonly paths: Readonly<Record<string, Readonly<Record<string, Json>>>>
  readonly components: Json
  readonly security: readonly Json[]
}

const SHARED = '#/components/schemas/'

/** OpenAPI 3.1 of the routes, from the schemas that they check with. */
export function describeRoutes(routes: readonly Route[], version: string): OpenApiDocument {
  const paths: Record<string, Record<string, Json>> = {}
  for (const route of routes)
    paths[route.path] = { ...paths[route.path], [route.method.toLowerCase()]: operationOf(route) }
  return {
    openapi: '3.1.0',
    info: {
      title: 'Quarry',
      version,
      summary: 'Documents in, the right passages and a prompt out',
    },
    tags: [...new Set(routes.map(({ tag }) => tag))].map((name) => ({ name })),
    paths,
    components: {
      schemas: sharedSchemas(),
      securitySchemes: {
        key: { type: 'http', scheme: 'bearer', description: 'A key: `qk_…`' },
      },
    },
    security: [{ key: [] }],
  }
}

function operationOf(route: Route): Json {
  return {
    operationId: route.operation,
    tags: [route.tag],
    summary: route.summary,
    description: [route.about, accessOf(route)].filter((part) => part !== undefined).join('\n\n'),
    ...(route.reach === 'public' ? { security: [] } : {}),
    parameters: parametersOf(route),
    ...(route.body === null ? {} : { requestBody: bodyOf(route.body) }),
    responses: responsesOf(route),
  }
}

function accessOf({ reach, scopes }: Route): string {
  if (reach === 'public') return 'Needs no key.'
  const scope = scopes.length === 0 ? 'any key' : `a key with the scope ${scopes.join(' or ')}`
  return reach === 'service' ? `Needs ${scope}, not bound to a tenant.` : `Needs ${scope}.`
}

function parametersOf(route: Route): readonly Json[] {
  const headers = (route.headers ?? []).map(({ name, about }) => header(name, about))
  if (route.reach === 'tenant')
    headers.push(header('X-Tenant-Id', 'For a key that is not bound to a tenant: whom it acts for'))
  if (route.idempotent === true)
    headers.push(header('Idempotency-Key', 'A repeated request gets the first answer again'))
  return [...inputs('path', route.params), ...inputs('query', route.query), ...headers]
}

function header(name: string, description: string): Json {
  return { name, in: 'header', description, schema: { type: 'string' } }
}

/** Types and ranges as after parsing (`limit` is a number), but required as before it. */
function inputs(place: 'path' | 'query', schema: z.ZodType | null): Json[] {
  if (schema === null) return []
  const { properties = {} } = toJson(schema, 'output') as { properties?: Record<string, Json> }
  const { required = [] } = toJson(schema, 'input') as { required?: readonly string[] }
  return Object.entries(properties).map(([name, { description, ...rest }]) => ({
    name,
    in: place,
    required: place === 'path' || required.includes(name),
    ...(description === undefined ? {} : { description }),
    schema: rest,
  }))
}

function bodyOf({ contents, optional }: NonNullable<Route['body']>): Json {
  const content = Object.entries(contents).map(
    ([mediaType, schema]) =>
      [mediaType, schema === null ? {} : { schema: toJson(schema, 'input') }] as const,
  )
  return { required: optional !== true, content: Object.fromEntries(content) }
}

function responsesOf(route: Route): Json {
  const answers = Object.entries(route.answers).map(
    ([status, answer]) => [status, responseOf(answer)] as const,
  )
  const problem = {
    description: `A problem (RFC 9457); \`code\` is one of ${Object.keys(ERRORS).join(', ')}`,
    content: { 'application/problem+json': { schema: { $ref: `${SHARED}Problem` } } },
  }
  return { ...Object.fromEntries(answers), default: problem }
}

function responseOf({ about, schema, mediaType = 'application/json' }: AnswerSpec): Json {
  const content = schema === undefined ? {} : { schema: toJson(schema, 'output') }
  return { description: about, content: { [mediaType]: content } }
}

/** The recursive ones have names; everything else stands where it is used. */
function sharedSchemas(): Json {
  const { schemas } = z.toJSONSchema(sharedRegistry(), { ...OPTIONS, io: 'input' })
  return Object.fromEntries(
    Object.entries(schemas).map(([name, schema]) => [name, withoutIds(schema)]),
  )
}

function sharedRegistry() {
  const registry = z.registry<{ id: string }>()
  registry.add(filterGroup, { id: 'Filter' })
  registry.add(filterNode, { id: 'FilterNode' })
  registry.add(problemSchema, { id: 'Problem' })
  return registry
}

const OPTIONS = {
  target: 'draft-2020-12',
  unrepresentable: 'any',
  uri: (id: string) => `${SHARED}${id}`,
} as const

function toJson(schema: z.ZodType, io: 'input' | 'output'): Json {
  const registry = sharedRegistry()
  registry.add(schema, { id: 'This' })
  const { schemas } = z.toJSONSchema(registry, { ...OPTIONS, io })
  return withoutIds(schemas['This'] ?? {})
}

/** `$id` and `$schema` would make each piece a document of its own, and its `$ref`s point nowhere. */
function withoutIds(schema: object): Json {
  const { $id: _id, $schema: _schema, ...rest } = schema as Record<string, unknown>
  return rest
}
