import { createHash } from 'node:crypto'
import type { EmbedderProfile } from '../core/embedder.ts'
import type { SpaceId } from '../core/model.ts'
import { canonicalJson } from './canonical-json.ts'

/** All that decides what a vector means and what it was made from. Two equal ones are one embedding space. */
export function spaceIdentity(profile: EmbedderProfile, chunking: string): object {
  const { provider, model, revision, dimensions, normalized, queryPrefix, passagePrefix } = profile
  return { provider, model, revision, dimensions, normalized, queryPrefix, passagePrefix, chunking }
}

export function spaceIdOf(identity: object): SpaceId {
  const digest = createHash('sha256').update(canonicalJson(identity)).digest('hex')
  return `sp_${digest.slice(0, 16)}` as SpaceId
}
