import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Change, ChangeOp } from '../../src/catalog/change-feed.ts'
import type { ChunkId, CollectionId, TenantId } from '../../src/core/model.ts'
import { planChanges } from '../../src/ingest/apply/plan.ts'

const change = (
  op: ChangeOp,
  collection: string,
  tenant: string | null = null,
  chunk: string | null = null,
  chunking = 'a',
): Change => ({
  position: { xid: 1n, seq: 1n },
  op,
  collection: collection as CollectionId,
  tenant: tenant as TenantId | null,
  chunking,
  chunk: chunk as ChunkId | null,
  revision: 1,
})

/** What is in the index by replaying each change by itself. */
function replay(changes: readonly Change[], start: ReadonlySet<string>): Set<string> {
  const rows = new Set(start)
  const removeWhere = (prefix: string): void => {
    for (const row of rows) if (row.startsWith(prefix)) rows.delete(row)
  }
  for (const { op, collection, tenant, chunking, chunk } of changes) {
    if (op === 'drop_collection') removeWhere(`${collection}/`)
    if (op === 'drop_tenant') removeWhere(`${collection}/${tenant}/`)
    if (op === 'upsert') rows.add(`${collection}/${tenant}/${chunking}/${chunk}`)
    if (op === 'delete') rows.delete(`${collection}/${tenant}/${chunking}/${chunk}`)
  }
  return rows
}

function replayPlans(changes: readonly Change[], start: ReadonlySet<string>): Set<string> {
  const rows = new Set(start)
  const removeWhere = (prefix: string): void => {
    for (const row of rows) if (row.startsWith(prefix)) rows.delete(row)
  }
  for (const [collection, plan] of planChanges(changes)) {
    if (plan.dropped) removeWhere(`${collection}/`)
    for (const [tenant, { dropped, chunks }] of plan.tenants) {
      if (dropped) removeWhere(`${collection}/${tenant}/`)
      for (const [chunking, ops] of chunks) {
        for (const [chunk, op] of ops) {
          const row = `${collection}/${tenant}/${chunking}/${chunk}`
          if (op === 'upsert') rows.add(row)
          else rows.delete(row)
        }
      }
    }
  }
  return rows
}

describe('planChanges', () => {
  test('names each chunk once, with its last operation', () => {
    const changes = [
      change('upsert', 'docs', 't', 'c1'),
      change('delete', 'docs', 't', 'c1'),
      change('upsert', 'docs', 't', 'c2'),
      change('delete', 'docs', 't', 'c2'),
      change('upsert', 'docs', 't', 'c2'),
    ]
    const plan = planChanges(changes).get('docs' as CollectionId)
    const ops = plan?.tenants.get('t' as TenantId)?.chunks.get('a')
    expect([...(ops ?? [])]).toEqual([
      ['c1', 'delete'],
      ['c2', 'upsert'],
    ])
  })

  test('leads to the same index as the changes one by one', () => {
    const names = fc.constantFrom('x', 'y')
    const some = fc.record({
      op: fc.constantFrom<ChangeOp>('upsert', 'upsert', 'delete', 'drop_tenant', 'drop_collection'),
      collection: names,
      tenant: names,
      chunk: fc.constantFrom('1', '2', '3'),
      chunking: fc.constantFrom('a', 'b'),
    })
    const toChange = (one: typeof some extends fc.Arbitrary<infer T> ? T : never): Change =>
      one.op === 'drop_collection'
        ? change(one.op, one.collection)
        : change(one.op, one.collection, one.tenant, one.chunk, one.chunking)
    fc.assert(
      fc.property(fc.array(some, { maxLength: 40 }), fc.array(some, { maxLength: 10 }), (a, b) => {
        const start = replay(b.map(toChange), new Set())
        const changes = a.map(toChange)
        expect([...replayPlans(changes, start)].sort()).toEqual([...replay(changes, start)].sort())
      }),
    )
  })
})
