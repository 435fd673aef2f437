import { createHash } from 'node:crypto'
import { join } from 'node:path'
import type { IndexRef, TenantId } from '../../../../src/core/model.ts'

/** The index's own manifest, beside the folders of its shards. */
export const INDEX_MANIFEST = 'index'
/** A shard's, beside its segments. */
export const SHARD_MANIFEST = 'manifest'

/** The native graph beside a segment, where its kind has one. */
export function graphOf(segment: string): string {
  return `${segment}.graph`
}

/** Names given by users are hashed, since they may hold what a file system does not take. */
export function indexFolder(root: string, { collection, index }: IndexRef): string {
  return join(root, digestOf([collection, index]))
}

export function shardFolder(indexFolder: string, tenant: TenantId): string {
  return join(indexFolder, digestOf([tenant]))
}

/** Beside them lie the index's manifest, and what a killed process left of writing it. */
export function isShardFolder(name: string): boolean {
  return /^[0-9a-f]{32}$/.test(name)
}

function digestOf(names: readonly string[]): string {
  return createHash('sha256').update(JSON.stringify(names)).digest('hex').slice(0, 32)
}
