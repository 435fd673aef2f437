import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { sqlState } from '../../src/catalog/database/database-errors.ts'
import type { SqlResult } from '../../src/catalog/database.ts'
import type { TenantId } from '../../src/core/model.ts'
import { NO_USAGE } from '../../src/observe/usage.ts'
import {
  addEvaluation,
  type CatalogWorld,
  DOCS,
  newDocument,
  openCatalogWorld,
} from '../support/catalog-world.ts'

const MINE = 'mine' as TenantId
const FOREIGN = 'foreign' as TenantId
const NO_RIGHT = '42501'

interface Table {
  readonly name: string
  readonly enabled: boolean
  readonly forced: boolean
}

describe.each(['pglite', 'postgres'] as const)('tenants apart on %s', (kind) => {
  let world: CatalogWorld
  let tables: readonly Table[]

  beforeAll(async () => {
    world = await openCatalogWorld(kind)
    for (const tenant of [MINE, FOREIGN]) await fill(tenant)
    const found = await world.database.asSystem((sql) =>
      sql.query<Table>(
        `select c.relname as name, c.relrowsecurity as enabled, c.relforcerowsecurity as forced
         from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attname = 'tenant_id'
         where c.relnamespace = 'quarry'::regnamespace and c.relkind in ('r', 'p')
           and c.relname <> 'isolation_canary'
         order by c.relname`,
      ),
    )
    tables = found.rows
  })
  afterAll(() => world.close())

  /** One row or more in every table that has a tenant. */
  async function fill(tenant: TenantId): Promise<void> {
    const { keys, usage, idempotency } = world.catalog
    const item = await world.queue(tenant, newDocument('a', '1'))
    await world.catalog.work.keepContexts(item, new Map([['h', 'where it stands']]))
    await world.index(item, ['p'])
    await keys.create({ name: 'k', scopes: ['retrieve'], tenant })
    await idempotency.begin({ tenant, route: 'r', key: 'k' }, 'f')
    await usage.add([{ ...NO_USAGE, tenant, route: 'r', requests: 1 }])
    await addEvaluation(world, tenant)
  }

  /** Through the tenant's door; null where its role has no right to the table at all. */
  async function asMine(
    text: string,
    parameters: readonly string[],
  ): Promise<SqlResult<object> | null> {
    return world.database
      .asTenant(MINE, (sql) => sql.query<object>(text, parameters))
      .catch((error: unknown) => {
        if (sqlState(error) === NO_RIGHT) return null
        throw error
      })
  }

  test('every table with a tenant has the wall up, for its owner too', () => {
    expect(tables.map((table) => table.name)).toEqual([
      'api_keys',
      'audit_log',
      'changes',
      'chunk_contexts',
      'chunks',
      'documents',
      'eval_queries',
      'evals',
      'golden_queries',
      'idempotency_keys',
      'job_items',
      'jobs',
      'tenants',
      'usage',
      'vectors',
    ])
    for (const table of tables) expect(table).toMatchObject({ enabled: true, forced: true })
  })

  test("a tenant's door shows no foreign row, where the system's shows some", async () => {
    for (const { name } of tables) {
      const foreign = `select from quarry.${name} where tenant_id is distinct from $1`
      const all = await world.database.asSystem((sql) => sql.query(foreign, [MINE]))
      expect([name, all.rowCount > 0]).toEqual([name, true])
      const seen = await asMine(foreign, [MINE])
      expect([name, seen?.rowCount ?? 0]).toEqual([name, 0])
    }
  })

  test("a tenant's door changes and removes no foreign row", async () => {
    for (const { name } of tables) {
      for (const verb of [
        `update quarry.${name} set tenant_id = tenant_id`,
        `delete from quarry.${name}`,
      ]) {
        const done = await asMine(`${verb} where tenant_id = $1`, [FOREIGN])
        expect([name, done?.rowCount ?? 0]).toEqual([name, 0])
      }
    }
  })

  test("a tenant's door makes no row for another", async () => {
    const inserts = {
      tenants: `insert into quarry.tenants (tenant_id) values ($1)`,
      documents: `insert into quarry.documents (tenant_id, collection_id, document_id) values ($1, 'docs', 'x')`,
      vectors: `insert into quarry.vectors values ($1, 's', 'h', '\\x00000000')`,
      jobs: `insert into quarry.jobs (tenant_id, job_id, collection_id) values ($1, 'x', 'docs')`,
      changes: `insert into quarry.changes (op, tenant_id, collection_id, chunk_id) values ('delete', $1, 'docs', 'c')`,
      usage: `insert into quarry.usage (tenant_id, day, route) values ($1, now(), 'r')`,
      api_keys: `insert into quarry.api_keys (key_id, name, secret_hash, scopes, tenant_id)
        values ('x', 'x', sha256(''), array['admin'], $1)`,
      golden_queries: `insert into quarry.golden_queries (tenant_id, collection_id, query_id, query, relevant)
        values ($1, 'docs', 'x', 'x', '{}')`,
      evals: `insert into quarry.evals
        (tenant_id, eval_id, collection_id, request, queries_total, lease_holder, lease_until)
        values ($1, 'x', 'docs', '{}', 1, 'x', now())`,
      eval_queries: `insert into quarry.eval_queries values ($1, 'e', 'x', 'x', '{}')`,
      idempotency_keys: `insert into quarry.idempotency_keys (tenant_id, route, key, fingerprint, expires_at)
        values ($1, 'x', 'x', 'x', now())`,
    }
    for (const [name, insert] of Object.entries(inserts)) {
      expect([name, await asMine(insert, ['third'])]).toEqual([name, null])
    }
    expect(await asMine(inserts.vectors, [MINE])).toMatchObject({ rowCount: 1 })
  })

  test('an id that another tenant has is free', async () => {
    const { receipts } = await world.catalog.documents.put(MINE, DOCS, [newDocument('only', '1')])
    const others = await world.catalog.documents.put(FOREIGN, DOCS, [newDocument('only', '1')])
    expect([...receipts, ...others.receipts].map((receipt) => receipt.outcome)).toEqual([
      'created',
      'created',
    ])
  })

  test('keys, policies and indexes are out of reach of a tenant', async () => {
    for (const statement of [
      'select from quarry.api_keys',
      'select policy from quarry.collections',
      'select from quarry.indexes',
      'select from quarry.migrations',
      'select from quarry.audit_log',
      'update quarry.collections set collection_id = collection_id',
      `update quarry.tenants set tenant_id = 'x'`,
    ]) {
      expect([statement, await asMine(statement, [])]).toEqual([statement, null])
    }
  })
})
