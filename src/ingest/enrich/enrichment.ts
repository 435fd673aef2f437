import { createHash } from 'node:crypto'
import type { CollectionPolicy } from '../../catalog/policy.ts'
import { QuarryError } from '../../core/errors.ts'
import type { Generator } from '../../core/generator.ts'
import { chunkerFingerprint } from '../chunk/chunk-document.ts'

/** How chunks are situated in their documents before they are indexed. */
export interface Enrichment {
  readonly generator: Generator
  readonly tokensMax: number
  readonly documentTokensMax: number
  readonly onFailure: 'fail' | 'plain'
}

/** Rises whenever the instruction or what becomes of the answer changes: what the old one gave is not used any more. */
const ENRICHMENT_VERSION = 1

/** Of a policy, with the generator that the config names so; null where it asks for none. */
export function enrichmentOf(
  { enrichment }: CollectionPolicy,
  generators: ReadonlyMap<string, Generator>,
): Enrichment | null {
  if (enrichment === null) return null
  const { generator: name, ...rest } = enrichment
  const generator = generators.get(name)
  if (generator !== undefined) return { generator, ...rest }
  throw new QuarryError('unavailable', `generator "${name}" is not configured`)
}

/**
 * Names a way of making chunks: the chunker's fingerprint, and with enrichment all that decides what is written before
 * them. A vector of an enriched chunk does not mean what one of the plain chunk means, so they are never mixed.
 */
export function chunkingFingerprint(
  { chunker }: CollectionPolicy,
  enrichment: Enrichment | null,
): string {
  const plain = chunkerFingerprint(chunker)
  if (enrichment === null) return plain
  const written = createHash('sha256')
    .update(JSON.stringify(writerOf(enrichment)))
    .digest('hex')
  return `${plain}-context${ENRICHMENT_VERSION}-${written.slice(0, 12)}`
}

/** All that decides what is written for a chunk beside what is shown. */
export function writerOf({ generator, tokensMax, documentTokensMax }: Enrichment) {
  const { provider, model, revision } = generator.profile
  return [ENRICHMENT_VERSION, provider, model, revision, tokensMax, documentTokensMax]
}
