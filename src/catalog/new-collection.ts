import type { EmbedderProfile } from '../core/embedder.ts'
import { QuarryError } from '../core/errors.ts'
import type { CollectionId } from '../core/model.ts'
import type { StoreCapabilities } from '../core/vector-store.ts'
import type { NewCollection } from './catalog.ts'
import type { CollectionPolicy } from './policy.ts'
import { spaceIdentity, spaceNameOf } from './space-id.ts'

export interface Foundations {
  readonly profile: EmbedderProfile
  /** Fingerprint of the chunker with this policy's options. */
  readonly chunking: string
  readonly capabilities: StoreCapabilities
}

/**
 * A collection with the embedding space and the index that its policy asks for.
 * @throws QuarryError `unsupported` when the store lacks the algorithm or the dimensions
 */
export function newCollection(
  id: CollectionId,
  policy: CollectionPolicy,
  { profile, chunking, capabilities }: Foundations,
): NewCollection {
  const { kind } = policy.algorithm
  if (!capabilities.algorithms.includes(kind))
    throw new QuarryError(
      'unsupported',
      `store "${policy.store}" has no algorithm "${kind}"; it has: ${capabilities.algorithms.join(', ')}`,
    )
  if (profile.dimensions > capabilities.dimensionsMax)
    throw new QuarryError(
      'unsupported',
      `store "${policy.store}" takes at most ${capabilities.dimensionsMax} dimensions, and embedder "${policy.embedder}" has ${profile.dimensions}`,
    )
  if (policy.enrichment !== null && policy.lexical.boosts !== undefined)
    throw new QuarryError(
      'unsupported',
      'lexical.boosts search title, headings and text alone, and would leave out what enrichment writes: take one of them',
    )
  const { dimensions } = profile
  return {
    id,
    policy,
    space: {
      name: spaceNameOf(profile),
      embedder: policy.embedder,
      dimensions,
      chunking,
      identity: spaceIdentity(profile, chunking),
    },
    store: policy.store,
    spec: {
      dense: { dimensions, metric: 'cosine', algorithm: policy.algorithm },
      lexical: policy.lexical,
    },
  }
}

/** What decides how vectors and terms were made; changing one of these is a migration, not an edit. */
const FIXED = ['embedder', 'store', 'algorithm', 'chunker', 'enrichment', 'lexical'] as const

/**
 * @throws QuarryError `conflict` naming the first field that only a migration may change
 */
export function refuseWhatNeedsMigration(before: CollectionPolicy, after: CollectionPolicy): void {
  const [old, wanted] = [indexing(before), indexing(after)]
  const changed = FIXED.find(
    (field) => JSON.stringify(old[field]) !== JSON.stringify(wanted[field]),
  )
  if (changed !== undefined)
    throw new QuarryError(
      'conflict',
      `"${changed}" decides how this collection is indexed and cannot be edited in place; make a new collection, or re-embed this one`,
    )
}

/** What becomes of a failure changes nothing that is indexed. */
function indexing(policy: CollectionPolicy): CollectionPolicy {
  const { enrichment } = policy
  return enrichment === null
    ? policy
    : { ...policy, enrichment: { ...enrichment, onFailure: 'fail' } }
}
