import { describe, expect, test } from 'vitest'
import { DEFAULT_LIMITS } from '../../src/core/limits.ts'
import { createApp } from '../../src/http/app.ts'
import type { HttpDeps } from '../../src/http/deps.ts'
import type { Json, OpenApiDocument } from '../../src/http/openapi.ts'
import { honoPath } from '../../src/http/paths.ts'
import { createRoutes } from '../../src/http/routes.ts'
import { createLog } from '../../src/observe/log.ts'
import { openMetrics } from '../../src/observe/open-metrics.ts'

/** Public routes touch nothing of the service but its log and its metrics. */
const deps = {
  catalog: { keys: {} },
  log: createLog({ level: 'silent' }),
  metrics: openMetrics(),
  settings: DEFAULT_LIMITS,
} as unknown as HttpDeps
const app = createApp(deps)
const routes = createRoutes(DEFAULT_LIMITS)

async function readDocument(): Promise<OpenApiDocument> {
  const response = await app.request('/openapi.json')
  expect(response.status).toBe(200)
  return (await response.json()) as OpenApiDocument
}

/** Every object in a JSON value. */
function* objectsIn(value: unknown): Generator<Json> {
  if (typeof value !== 'object' || value === null) return
  if (!Array.isArray(value)) yield value as Json
  for (const inner of Object.values(value)) yield* objectsIn(inner)
}

describe('/openapi.json', () => {
  test('describes exactly what is routed', async () => {
    const { paths } = await readDocument()
    const described = Object.entries(paths).flatMap(([path, methods]) =>
      Object.keys(methods).map((method) => `${method.toUpperCase()} ${honoPath(path)}`),
    )
    const routed = app.routes.map(({ method, path }) => `${method} ${path}`)
    expect(new Set(described)).toEqual(new Set(routed))
    expect(described).toHaveLength(routes.length)
    expect(described).toContain('POST /v1/retrieve')
  })

  test('has the structure of OpenAPI 3.1', async () => {
    const document = await readDocument()
    expect(document.openapi).toBe('3.1.0')
    expect(document.info).toMatchObject({ title: 'Quarry', version: expect.any(String) })
    const operations = Object.entries(document.paths).flatMap(([path, methods]) =>
      Object.values(methods).map((operation) => ({ path, operation })),
    )
    const ids = operations.map(({ operation }) => operation['operationId'])
    expect(new Set(ids).size).toBe(ids.length)
    for (const { path, operation } of operations) {
      expect(operation['summary'], path).toEqual(expect.any(String))
      expect(operation['responses'], path).toHaveProperty('default')
      expect(Object.keys(operation['responses'] as Json).length, path).toBeGreaterThan(1)
      const parameters = operation['parameters'] as { name: string; in: string; schema: Json }[]
      const inPath = parameters.filter((each) => each.in === 'path').map(({ name }) => name)
      expect(inPath, path).toEqual([...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name))
      for (const { name, schema } of parameters)
        expect(schema, `${path} ${name}`).toHaveProperty('type')
    }
  })

  test('resolves every reference in itself', async () => {
    const document = await readDocument()
    const schemas = document.components['schemas'] as Json
    const references = [...objectsIn(document)]
      .map(({ $ref }) => $ref)
      .filter((ref) => ref !== undefined)
    expect(references.length).toBeGreaterThan(0)
    for (const reference of references) {
      const name = /^#\/components\/schemas\/(\w+)$/.exec(String(reference))?.[1] ?? ''
      expect(schemas, String(reference)).toHaveProperty(name)
    }
    for (const each of objectsIn(document)) {
      expect(each).not.toHaveProperty('$id')
      expect(each).not.toHaveProperty('$schema')
    }
  })

  test('shows limits, defaults and snake_case names', async () => {
    const { paths } = await readDocument()
    const text = JSON.stringify(paths['/v1/retrieve'])
    expect(text).toContain('"top_k":{"default":10,"type":"integer","minimum":1,"maximum":200}')
    expect(JSON.stringify(paths['/v1/collections/{collection}'])).toContain('tokens_max')
    expect(JSON.stringify(paths)).not.toContain('tokensMax')
  })
})

describe('/docs', () => {
  test('names every operation and loads nothing from elsewhere', async () => {
    const response = await app.request('/docs')
    const page = await response.text()
    expect(response.headers.get('content-security-policy')).toContain("default-src 'none'")
    for (const { operation } of routes) expect(page).toContain(`id="${operation}"`)
    expect(page).not.toMatch(/<script|<link|src=|https?:\/\//)
  })
})
