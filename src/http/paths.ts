import { QuarryError } from '../core/errors.ts'

/** The path as it was sent, and the query with its `?`; empty without one. */
export interface Target {
  readonly path: string
  readonly search: string
}

/** Of an absolute http URL that was normalised before; a URL object would parse it once more. */
export function targetOf(url: string): Target {
  const [, path = '/', search = ''] = TARGET.exec(url) ?? []
  return { path, search }
}

const TARGET = /^https?:\/\/[^/]*([^?#]*)(\?[^#]+)?/

/**
 * Path parameters from the raw path, decoded once and strictly: a router's own lenient decoding would let `%zz`
 * through and could decode twice. A template is `/v1/jobs/{job}:cancel`: a parameter fills a segment, but for a verb.
 */
export function readPathParams(template: string, rawPath: string): Record<string, string> {
  const params: Record<string, string> = {}
  if (!template.includes('{')) return params
  const raw = rawPath.split('/')
  template.split('/').forEach((segment, at) => {
    const { name, verb } = parseSegment(segment)
    if (name !== null) params[name] = decode((raw[at] ?? '').slice(0, -verb.length || undefined))
  })
  return params
}

/** Hono's own way to write the template. */
export function honoPath(template: string): string {
  const segments = template.split('/').map((segment) => {
    const { name, verb } = parseSegment(segment)
    if (name === null) return segment
    return verb === '' ? `:${name}` : `:${name}{[^/]+${verb}}`
  })
  return segments.join('/')
}

export function matchesTemplate(template: string, path: string): boolean {
  const expected = template.split('/')
  const given = path.split('/')
  return (
    expected.length === given.length &&
    expected.every((segment, at) => matchesSegment(segment, given[at] ?? ''))
  )
}

function matchesSegment(segment: string, given: string): boolean {
  const { name, verb } = parseSegment(segment)
  if (name === null) return segment === given
  return given.length > verb.length && given.endsWith(verb)
}

function parseSegment(segment: string): { name: string | null; verb: string } {
  const [, name, verb] = /^\{(\w+)\}(:\w+)?$/.exec(segment) ?? []
  return { name: name ?? null, verb: verb ?? '' }
}

function decode(segment: string): string {
  try {
    return decodeURIComponent(segment)
  } catch (cause) {
    throw new QuarryError('invalid_request', 'the path is not valid percent-encoded UTF-8', {
      cause,
    })
  }
}

/** Query parameters, each at most once: two values for one name would leave open which one counts. */
export function readQuery(search: string): Record<string, string> {
  if (search === '') return {}
  const query = new Map<string, string>()
  for (const [name, value] of new URLSearchParams(search)) {
    if (query.has(name))
      throw new QuarryError('invalid_request', `query: "${name.slice(0, 64)}" is given twice`)
    query.set(name, value)
  }
  return Object.fromEntries(query)
}
