import { describeRoutes, type OpenApiDocument } from '../openapi.ts'
import { renderReference } from '../reference-page.ts'
import { type Route, route } from '../route.ts'

const VERSION = '1'
const PAGE_POLICY = "default-src 'none'; style-src 'unsafe-inline'"

/** The description of `routes` and of itself: as data, and as a page for people. Made on first use. */
export function referenceRoutes(routes: readonly Route[]): readonly Route[] {
  let document: OpenApiDocument | undefined
  const describe = (): OpenApiDocument => {
    document ??= describeRoutes([...routes, ...own], VERSION)
    return document
  }
  const own: readonly Route[] = [openApiRoute(describe), docsRoute(describe)]
  return own
}

function openApiRoute(describe: () => OpenApiDocument): Route {
  return route({
    method: 'GET',
    path: '/openapi.json',
    operation: 'openapi',
    tag: 'Operations',
    summary: 'This API as an OpenAPI 3.1 document',
    reach: 'public',
    scopes: [],
    answers: { 200: { about: 'The document' } },
    handle: async () => ({ status: 200, body: describe() }),
  })
}

function docsRoute(describe: () => OpenApiDocument): Route {
  return route({
    method: 'GET',
    path: '/docs',
    operation: 'docs',
    tag: 'Operations',
    summary: 'This API as a page to read',
    reach: 'public',
    scopes: [],
    answers: { 200: { about: 'The page', mediaType: 'text/html' } },
    handle: async () => ({
      status: 200,
      stream: renderReference(describe()),
      headers: {
        'content-type': 'text/html; charset=utf-8',
        'content-security-policy': PAGE_POLICY,
      },
    }),
  })
}
