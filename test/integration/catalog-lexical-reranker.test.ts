import { expect, test } from 'vitest'
import { readSchemaSteps } from '../../migrations/schema/apply.ts'
import { openDatabase } from '../../src/catalog/database/open-database.ts'
import { openCatalog } from '../../src/catalog/open-catalog.ts'
import { DEFAULT_LIMITS } from '../../src/core/limits.ts'
import type { CollectionId } from '../../src/core/model.ts'
import { createCollection } from '../support/catalog-world.ts'
import { createTestPostgres } from '../support/postgres.ts'

test('collections that took the built-in reranker by its old name have it by the new one', async () => {
  const { url, remove } = await createTestPostgres()
  const limits = { ...DEFAULT_LIMITS, databaseConnections: 2 }
  const steps = await readSchemaSteps()
  const at = steps.findIndex(({ name }) => name.includes('lexical_reranker'))
  const open = (upTo: number) =>
    openDatabase({ kind: 'postgres', url, limits, steps: steps.slice(0, upTo) })
  const models = { old: 'proximity', other: 'cohere', none: null }
  try {
    expect(at).toBeGreaterThan(0)
    const before = await open(at)
    for (const [id, model] of Object.entries(models)) {
      await createCollection(openCatalog(before, limits), id as CollectionId)
      await before.asSystem((sql) =>
        sql.query(
          `update quarry.collections set policy = jsonb_set(policy, '{rerank,model}', $2::jsonb)
           where collection_id = $1`,
          [id, JSON.stringify(model)],
        ),
      )
    }
    await before.close()
    const after = await open(steps.length)
    const found = await Promise.all(
      Object.keys(models).map((id) =>
        openCatalog(after, limits).collections.get(id as CollectionId),
      ),
    )
    expect(found.map((collection) => collection?.policy.rerank.model)).toEqual([
      'lexical',
      'cohere',
      null,
    ])
    await after.close()
  } finally {
    await remove()
  }
})
