import { z } from 'zod'
import { openAnalyzer } from '../../../../src/core/analysis/open-analyzer.ts'
import type {
  CollectionId,
  FeedPosition,
  IndexId,
  IndexRef,
  Scope,
  TenantId,
} from '../../../../src/core/model.ts'
import type { IndexSpec, LexicalSpec } from '../../../../src/core/vector-store.ts'
import type { Files } from '../files/files.ts'
import { type ManifestRead, readManifest, writeManifest } from './manifest-file.ts'

/** What a shard is made of. The one file that changes: its replacement is what makes a seal, a merge or a delete last. */
export interface ShardManifest extends Scope {
  /** Counts the manifests of this shard. */
  readonly generation: number
  /** Every change up to it is in the segments and their deletes; null while the index is first loaded. */
  readonly position: FeedPosition | null
  /** Files were found damaged: the shard is to be loaded from the catalog again, whatever the position says. */
  readonly lost: boolean
  readonly segments: readonly ManifestSegment[]
}

export interface ManifestSegment {
  /** Name of a file beside the manifest. */
  readonly file: string
  readonly kind: string
  readonly rows: number
  readonly bytes: number
  /** Name of the file of its deletes; null where no row is deleted. */
  readonly deletes: string | null
  readonly deletedRows: number
}

export interface IndexManifest {
  readonly ref: IndexRef
  readonly spec: IndexSpec
  readonly position: FeedPosition | null
}

export function writeShardManifest(
  files: Files,
  path: string,
  manifest: ShardManifest,
): Promise<void> {
  return writeManifest(files, path, SHARD, { ...manifest, position: written(manifest.position) })
}

export function readShardManifest(
  files: Files,
  path: string,
): Promise<ManifestRead<ShardManifest>> {
  return readManifest(files, path, SHARD)
}

export function writeIndexManifest(
  files: Files,
  path: string,
  manifest: IndexManifest,
): Promise<void> {
  const terms = analyzedBy(manifest.spec.lexical)
  return writeManifest(files, path, INDEX, {
    ...manifest,
    terms,
    position: written(manifest.position),
  })
}

/** `other_terms`: another revision of the analyzer made those of the whole index, so that queries would miss them. */
export async function readIndexManifest(
  files: Files,
  path: string,
): Promise<ManifestRead<IndexManifest> | { readonly state: 'other_terms' }> {
  const read = await readManifest(files, path, INDEX)
  if (read.state !== 'read') return read
  const { terms, ...manifest } = read.manifest
  return terms === analyzedBy(manifest.spec.lexical)
    ? { state: 'read', manifest }
    : { state: 'other_terms' }
}

/** Which analyzer in which revision makes the terms; null where there are none. */
function analyzedBy(lexical: LexicalSpec | null): string | null {
  if (lexical === null) return null
  const { name, revision } = openAnalyzer(lexical.analyzer)
  return `${name}-${revision}`
}

/** JSON has no integers of 64 bits. */
function written(
  position: FeedPosition | null,
): { readonly xid: string; readonly seq: string } | null {
  return position === null ? null : { xid: String(position.xid), seq: String(position.seq) }
}

const id = <T extends string>() => z.string().transform((text) => text as T)
const count = z.int().min(0)
const bigInteger = z
  .string()
  .regex(/^\d{1,20}$/)
  .transform(BigInt)
const position = z.strictObject({ xid: bigInteger, seq: bigInteger })
/** No path, so that no manifest can name a file outside its folder. */
const fileName = z.string().regex(/^[\w-][\w.-]*$/)

const SHARD = z.strictObject({
  collection: id<CollectionId>(),
  index: id<IndexId>(),
  tenant: id<TenantId>(),
  generation: count,
  position: position.nullable(),
  lost: z.boolean(),
  segments: z.array(
    z.strictObject({
      file: fileName,
      kind: z.string(),
      rows: count,
      bytes: count,
      deletes: fileName.nullable(),
      deletedRows: count,
    }),
  ),
}) satisfies z.ZodType<ShardManifest>

const whole = z.int().min(1)

const ALGORITHM = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('auto') }),
  z.strictObject({ kind: z.literal('flat') }),
  z.strictObject({
    kind: z.literal('hnsw'),
    m: whole,
    efConstruction: whole,
    efSearch: whole,
    quantization: z.enum(['none', 'int8']).optional(),
  }),
  z.strictObject({ kind: z.literal('ivf_flat'), lists: whole, probes: whole }),
  z.strictObject({
    kind: z.literal('ivf_pq'),
    lists: whole.optional(),
    subvectors: whole.optional(),
    bits: z.union([z.literal(4), z.literal(8)]),
    probes: whole.optional(),
  }),
])

const INDEX = z.strictObject({
  ref: z.strictObject({ collection: id<CollectionId>(), index: id<IndexId>() }),
  spec: z.strictObject({
    dense: z
      .strictObject({
        dimensions: whole,
        metric: z.enum(['cosine', 'dot', 'l2']),
        algorithm: ALGORITHM,
      })
      .nullable(),
    lexical: z
      .strictObject({
        analyzer: z.enum(['english', 'unicode', 'code']),
        k1: z.number(),
        b: z.number(),
        boosts: z
          .strictObject({ title: z.number(), headings: z.number(), body: z.number() })
          .optional(),
      })
      .nullable(),
  }),
  terms: z.string().nullable(),
  position: position.nullable(),
}) satisfies z.ZodType<IndexManifest & { readonly terms: string | null }>
