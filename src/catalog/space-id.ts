import { createHash } from 'node:crypto'
import type { EmbedderProfile } from '../core/embedder.ts'
import { KeptWith } from '../core/kept-with.ts'
import type { SpaceId } from '../core/model.ts'
import { canonicalJson } from './canonical-json.ts'
import type { EmbeddingSpace } from './catalog.ts'

/** All that decides what a vector means and what it was made from. Two equal ones are one embedding space. */
export function spaceIdentity(profile: EmbedderProfile, chunking: string): object {
  const { provider, model, revision, dimensions, normalized, queryPrefix, passagePrefix } = profile
  const { representation } = profile
  return {
    provider,
    model,
    revision,
    dimensions,
    normalized,
    queryPrefix,
    passagePrefix,
    chunking,
    // Left out where it says nothing, so that spaces made before it was known keep their ids.
    ...(representation === undefined ? {} : { representation }),
  }
}

/** For people: `openai-compatible/text-embedding-3-large@1:256+cut-from-3072`. */
export function spaceNameOf(profile: EmbedderProfile): string {
  const { provider, model, revision, dimensions, representation } = profile
  const name = `${provider}/${model}@${revision}:${dimensions}`
  return representation === undefined ? name : `${name}+${representation}`
}

export function spaceIdOf(identity: object): SpaceId {
  const digest = createHash('sha256').update(canonicalJson(identity)).digest('hex')
  return `sp_${digest.slice(0, 16)}` as SpaceId
}

const spaceIds = new KeptWith<EmbedderProfile, SpaceId>()

/** The space of what an embedder of this profile makes of chunks so cut; each plan asks, and a profile stays as it is. */
export function spaceIdOfProfile(profile: EmbedderProfile, chunking: string): SpaceId {
  const ids = spaceIds.of(profile)
  const id = ids.get(chunking) ?? spaceIdOf(spaceIdentity(profile, chunking))
  ids.set(chunking, id)
  return id
}

/** What to tell and to do where the embedder that a space names makes vectors of another one by now. */
export function spaceMismatch(
  { id, name, embedder }: Pick<EmbeddingSpace, 'id' | 'name' | 'embedder'>,
  profile: EmbedderProfile,
  offered: SpaceId,
): string {
  return `the index is in space ${id} (${name}), embedder "${embedder}" makes vectors of ${offered} (${spaceNameOf(profile)}): give embedders.${embedder} in the config its former settings back, or re-embed the collection`
}
