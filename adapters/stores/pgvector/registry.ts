import { isDeepStrictEqual } from 'node:util'
import { QuarryError } from '../../../src/core/errors.ts'
import type { IndexRef } from '../../../src/core/model.ts'
import type { IndexSpec } from '../../../src/core/vector-store.ts'
import type { Query, Session } from './session.ts'
import { type AnnIndex, createAnn, createTable, describeTable, type Table } from './tables.ts'

export interface KnownTable extends Table {
  /** False until the table holds enough rows for its approximate index; searches are exact until then. */
  annReady: boolean
  rowsSinceCheck: number
}

interface IndexRow {
  readonly spec: IndexSpec
  readonly ann_ready: boolean
}

/** Which indexes there are. The list is in the database; what was read of it is remembered. */
export interface TableRegistry {
  create(ref: IndexRef, spec: IndexSpec, signal: AbortSignal): Promise<void>
  drop(ref: IndexRef, signal: AbortSignal): Promise<void>
  /** `not_found` for an index that is not there. */
  get(ref: IndexRef, signal: AbortSignal): Promise<KnownTable>
  /** To be called when a statement shows that what is remembered is no longer so. */
  forget(ref: IndexRef): void
  /** Builds the approximate index once the table has grown enough for it. */
  noteGrowth(ref: IndexRef, table: KnownTable, rows: number, signal: AbortSignal): Promise<void>
}

export function createTableRegistry(session: Session, schema: string): TableRegistry {
  const known = new Map<string, KnownTable>()
  const list = `${schema}.indexes`
  const keyOf = (ref: IndexRef): string => JSON.stringify([ref.collection, ref.index])
  const find = async (query: Query, ref: IndexRef): Promise<IndexRow | undefined> => {
    const [row] = await query<IndexRow>(
      `select spec, ann_ready from ${list} where collection = $1 and index = $2`,
      [ref.collection, ref.index],
    )
    return row
  }

  return {
    create: async (ref, spec, signal) => {
      const table = describeTable(schema, ref, spec)
      await session.asOwner(async (query) => {
        await lock(query, schema)
        const row = await find(query, ref)
        if (row !== undefined) return refuseOther(ref, row.spec, spec)
        await createTable(query, table, schema)
        await query(
          `insert into ${list} (collection, index, spec, ann_ready) values ($1, $2, $3::text::jsonb, $4)`,
          [ref.collection, ref.index, JSON.stringify(spec), table.ann?.rowsMin === 0],
        )
      }, signal)
    },
    drop: async (ref, signal) => {
      await session.asOwner(async (query) => {
        await lock(query, schema)
        const row = await find(query, ref)
        if (row === undefined) return
        await query(`drop table if exists ${describeTable(schema, ref, row.spec).name}`)
        await query(`delete from ${list} where collection = $1 and index = $2`, [
          ref.collection,
          ref.index,
        ])
      }, signal)
      known.delete(keyOf(ref))
    },
    get: async (ref, signal) => {
      const remembered = known.get(keyOf(ref))
      if (remembered !== undefined) return remembered
      const row = await session.asOwner((query) => find(query, ref), signal)
      if (row === undefined)
        throw new QuarryError('not_found', `pgvector has no index ${ref.collection}/${ref.index}`)
      const described = describeTable(schema, ref, row.spec)
      const table: KnownTable = {
        ...described,
        annReady: row.ann_ready,
        rowsSinceCheck: Number.POSITIVE_INFINITY,
      }
      known.set(keyOf(ref), table)
      return table
    },
    forget: (ref) => {
      known.delete(keyOf(ref))
    },
    noteGrowth: async (ref, table, rows, signal) => {
      const { ann } = table
      if (table.annReady || ann === null) return
      table.rowsSinceCheck += rows
      if (table.rowsSinceCheck < ann.rowsMin / 10) return
      table.annReady = await session.asOwner(async (query) => {
        await lock(query, schema)
        return await buildWhenGrown(query, list, ref, table, ann)
      }, signal)
      table.rowsSinceCheck = 0
    },
  }
}

/** One maker of tables at a time. */
async function lock(query: Query, schema: string): Promise<void> {
  await query('select pg_advisory_xact_lock(hashtext($1))', [schema])
}

async function buildWhenGrown(
  query: Query,
  list: string,
  ref: IndexRef,
  table: Table,
  ann: AnnIndex,
): Promise<boolean> {
  if ((await countRows(query, table)) < ann.rowsMin) return false
  await createAnn(query, table, ann)
  await query(`update ${list} set ann_ready = true where collection = $1 and index = $2`, [
    ref.collection,
    ref.index,
  ])
  return true
}

function refuseOther(ref: IndexRef, stored: IndexSpec, wanted: IndexSpec): void {
  if (isDeepStrictEqual(stored, JSON.parse(JSON.stringify(wanted)))) return
  throw new QuarryError(
    'conflict',
    `index ${ref.collection}/${ref.index} exists in pgvector with another spec`,
  )
}

/** The forced policies hide every row from the owner too, so the count is ANALYZE's estimate. */
async function countRows(query: Query, { name }: Table): Promise<number> {
  await query(`analyze ${name}`)
  const [row] = await query<{ readonly rows: number }>(
    'select reltuples::float8 as rows from pg_class where oid = $1::text::regclass',
    [name],
  )
  return row?.rows ?? 0
}
