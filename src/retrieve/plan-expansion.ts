import { type CollectionPolicy, EXPANSION_QUERIES, EXPANSION_WEIGHT } from '../catalog/policy.ts'
import { QuarryError } from '../core/errors.ts'
import type { Generator } from '../core/generator.ts'
import type { ExpansionPlan } from './deps.ts'
import type { Degradation, ExpansionSettings, RetrieveRequest } from './request.ts'

/** How the query is to be reworded; null where neither the policy nor the request asks for it, or it has no leg to search. */
export function planExpansion(
  policy: CollectionPolicy,
  { queryExpansion: asked, mode }: RetrieveRequest,
  hasDense: boolean,
  generators: ReadonlyMap<string, Generator>,
  noteRefused: (degradation: Degradation) => null,
): ExpansionPlan | null {
  if (asked === null || (asked === undefined && policy.queryExpansion === null)) return null
  const { generator: name, ...settings } = settingsOf(policy.queryExpansion, asked ?? {})
  if (settings.method === 'hyde' && !hasDense) {
    if (asked?.method === undefined) return null
    throw new QuarryError(
      'invalid_request',
      `query_expansion.method "hyde" searches the dense leg alone, and mode "${mode}" has none here`,
    )
  }
  const generator = generators.get(name)
  if (generator === undefined) return unknown(name, asked?.generator, generators, noteRefused)
  return { name, generator, ...settings }
}

function settingsOf(
  settled: CollectionPolicy['queryExpansion'],
  asked: Partial<ExpansionSettings>,
): ExpansionSettings {
  const method = asked.method ?? settled?.method
  const generator = asked.generator ?? settled?.generator
  if (method === undefined || generator === undefined)
    throw new QuarryError(
      'invalid_request',
      `query_expansion needs a ${method === undefined ? 'method' : 'generator'}, since the collection's policy has no query_expansion`,
    )
  // The policy's number is of the policy's method.
  const ofPolicy = settled?.method === method ? settled.queries : undefined
  const queries = asked.queries ?? ofPolicy ?? EXPANSION_QUERIES[method]
  const weight = asked.weight ?? settled?.weight ?? EXPANSION_WEIGHT
  return { method, generator, queries, weight }
}

/** A mistake of the request; of the policy, one more thing that the answer goes without. */
function unknown(
  name: string,
  asked: string | undefined,
  generators: ReadonlyMap<string, Generator>,
  noteRefused: (degradation: Degradation) => null,
): null {
  const known = [...generators.keys()].map((key) => `"${key}"`).join(', ') || 'none'
  if (asked !== undefined)
    throw new QuarryError('invalid_request', `unknown generator "${name}"; configured: ${known}`)
  return noteRefused({
    stage: 'rewrite',
    reason: 'unavailable',
    fallback: 'plain_query',
    detail: `generator "${name}" is not in the config`,
  })
}
