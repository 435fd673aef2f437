import type { HttpBindings } from '@hono/node-server'
import { type Context, Hono } from 'hono'
import { QuarryError } from '../core/errors.ts'
import { answerRequest, answerRoute } from './answer.ts'
import { createAuthenticator } from './auth.ts'
import { BodyGate } from './body.ts'
import type { HttpDeps } from './deps.ts'
import type { Arrival, Exchange, Serving } from './exchange.ts'
import { honoPath, matchesTemplate } from './paths.ts'
import { problemHeaders, problemOf, protocolError } from './problem.ts'
import type { Answer, Route } from './route.ts'
import { createRoutes } from './routes.ts'

/** The whole HTTP surface. Routing and `/openapi.json` come from the one table in routes.ts. */
export function createApp(deps: HttpDeps): Hono {
  const serving: Serving = {
    deps,
    authenticator: createAuthenticator(deps.catalog.keys),
    gate: new BodyGate(deps.settings.bodiesInFlightBytes),
  }
  const routes = createRoutes(deps.settings)
  const app = new Hono()
  for (const route of routes)
    app.on(route.method, honoPath(route.path), (context) =>
      answerRoute(serving, arrivalOf(context), route),
    )
  app.notFound((context) =>
    answerRequest(serving, arrivalOf(context), 'unmatched', async (exchange) =>
      answerUnmatched(routes, exchange),
    ),
  )
  return app
}

function arrivalOf({ req, env }: Context): Arrival {
  return { request: req.raw, incoming: (env as Partial<HttpBindings> | undefined)?.incoming }
}

/** 405 with `Allow` where the path exists under other methods, else 404. */
function answerUnmatched(
  routes: readonly Route[],
  { request, target: { path }, requestId }: Exchange,
): Answer {
  const methods = routes.filter((route) => matchesTemplate(route.path, path)).map(methodOf)
  if (methods.length === 0) throw new QuarryError('not_found', `no route ${path.slice(0, 200)}`)
  const allow = [...new Set(methods), ...(methods.includes('GET') ? ['HEAD'] : [])].join(', ')
  const error = protocolError(405, `${request.method} is not offered here; allowed: ${allow}`)
  return {
    status: 405,
    body: problemOf(error, path, requestId),
    headers: { ...problemHeaders(error), allow },
  }
}

function methodOf(route: Route): string {
  return route.method
}
