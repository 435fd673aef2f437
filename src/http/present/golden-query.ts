import type { GoldenQuery } from '../../catalog/golden-queries.ts'
import { LIMITS } from '../../core/limits.ts'
import type { CollectionId } from '../../core/model.ts'

export function presentGolden(collection: CollectionId, golden: GoldenQuery) {
  return {
    id: golden.id,
    collection,
    query: golden.query,
    relevant: golden.relevant,
    note: golden.note,
    tags: golden.tags,
    source: golden.source,
    retrieval_id: golden.retrievalId,
    created_at: golden.createdAt.toISOString(),
    updated_at: golden.updatedAt.toISOString(),
  }
}

/** As an import takes it, so that what was exported comes back the same. */
export function goldenLine(golden: GoldenQuery): string {
  const { id, query, relevant, note, tags, source, retrievalId } = golden
  const line = {
    id,
    query,
    relevant,
    ...(note === null ? {} : { note }),
    ...(tags.length === 0 ? {} : { tags }),
    source,
    ...(retrievalId === null ? {} : { retrieval_id: retrievalId }),
  }
  return `${JSON.stringify(line)}\n`
}

export function presentMissing(missing: readonly string[]) {
  return {
    missing_documents: missing.slice(0, LIMITS.goldenMissing.max),
    missing_total: missing.length,
  }
}
