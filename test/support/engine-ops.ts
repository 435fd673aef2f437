import type { ChunkId, Scope } from '../../src/core/model.ts'
import type { IndexedChunk, IndexSpec } from '../../src/core/vector-store.ts'
import { chunkOf, scopeOf, vectorOf } from '../conformance/fixture.ts'
import { seededRandom } from './random.ts'

/** One step of a stream that two processes can compute alike. */
export type EngineOp =
  | { readonly kind: 'upsert'; readonly scope: Scope; readonly chunks: readonly IndexedChunk[] }
  | { readonly kind: 'delete'; readonly scope: Scope; readonly ids: readonly ChunkId[] }
  | { readonly kind: 'drop'; readonly scope: Scope }

export const OPS_SPEC: IndexSpec = {
  dense: { dimensions: 8, metric: 'cosine', algorithm: { kind: 'flat' } },
  lexical: { analyzer: 'unicode', k1: 0.9, b: 0.4 },
}
export const OPS_TENANTS: readonly Scope[] = ['alice', 'bob', 'carol', 'dave'].map((name) =>
  scopeOf(name),
)

/** Step `at` of the stream; its place is its position in the feed. */
export function opAt(seed: number, at: number): EngineOp {
  const random = seededRandom(seed * 1_000_003 + at)
  const below = (limit: number): number => Math.floor(random() * limit)
  const scope = OPS_TENANTS[below(OPS_TENANTS.length)] as Scope
  const dice = random()
  if (dice < 0.002) return { kind: 'drop', scope }
  if (dice < 0.25)
    return { kind: 'delete', scope, ids: [0, 1, 2].map(() => `c${below(400)}` as ChunkId) }
  const chunks = Array.from({ length: 1 + below(12) }, () => {
    const id = below(400)
    return chunkOf(`c${id}`, {
      documentId: `d${id % 60}`,
      ordinal: Math.floor(id / 60),
      revision: at + 1,
      vector: vectorOf(below(300)),
      text: `w${below(20)} w${below(20)} at${at}`,
      metadata: { n: below(5) },
    })
  })
  return { kind: 'upsert', scope, chunks: [...new Map(chunks.map((c) => [c.id, c])).values()] }
}

/** What the catalog holds after so many steps, tenant by tenant. */
export class OpsCatalog {
  readonly rows = new Map<Scope['tenant'], Map<ChunkId, IndexedChunk>>()

  apply(op: EngineOp): void {
    const { tenant } = op.scope
    const rows = this.rows.get(tenant) ?? new Map<ChunkId, IndexedChunk>()
    this.rows.set(tenant, rows)
    if (op.kind === 'drop') rows.clear()
    else if (op.kind === 'delete') for (const id of op.ids) rows.delete(id)
    else for (const chunk of op.chunks) rows.set(chunk.id, chunk)
  }

  of({ tenant }: Scope): ReadonlyMap<ChunkId, IndexedChunk> {
    return this.rows.get(tenant) ?? new Map()
  }
}

export function idsOfOp(op: EngineOp): readonly ChunkId[] {
  if (op.kind === 'drop') return []
  return op.kind === 'delete' ? op.ids : op.chunks.map(({ id }) => id)
}
