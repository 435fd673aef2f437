import { byScoreThenId, type LegResult, type Scope } from '../../../src/core/model.ts'
import type { DenseQuery } from '../../../src/core/vector-store.ts'
import { type Bind, toSql } from './filter.ts'
import { encodeVector } from './rows.ts'
import type { Query } from './session.ts'
import { annExpression, OPERATORS, type Table } from './tables.ts'

interface Row {
  readonly id: LegResult['candidates'][number]['id']
  readonly distance: number
}

/** Exact: the distance is hidden in a sum, which no approximate index can serve. */
export async function searchExactly(
  sql: Query,
  table: Table,
  scope: Scope,
  query: DenseQuery,
): Promise<LegResult> {
  const { bind, values } = parameters()
  const distance = `(embedding ${OPERATORS[table.dense.metric]} ${bind(encodeVector(query.vector))}::text::vector)`
  const rows = await sql<Row>(
    `select chunk_id as id, ${distance} + 0 as distance from ${table.name}
     where ${conditions(scope, query, bind)} order by 2, chunk_id limit ${bind(query.k)}::int`,
    values,
  )
  return { candidates: toCandidates(rows, table), underFilled: null }
}

/** By the approximate index, which goes on scanning until k rows pass the filter or its own limit is reached. */
export async function searchByIndex(
  sql: Query,
  table: Table,
  scope: Scope,
  query: DenseQuery,
): Promise<LegResult> {
  const { bind, values } = parameters()
  const vector = bind(encodeVector(query.vector))
  const operator = OPERATORS[table.dense.metric]
  const type = table.ann?.half === true ? `halfvec(${table.dense.dimensions})` : 'vector'
  // Halves only propose: twice as many, of which the whole vectors choose.
  const proposed = table.ann?.half === true ? 2 * query.k : query.k
  const rows = await sql<Row>(
    `with nearest as materialized (
       select chunk_id, embedding from ${table.name} where ${conditions(scope, query, bind)}
       order by ${annExpression(table)} ${operator} ${vector}::text::${type} limit ${bind(proposed)}::int)
     select chunk_id as id, embedding ${operator} ${vector}::text::vector as distance from nearest`,
    values,
  )
  const candidates = toCandidates(rows, table).slice(0, query.k)
  if (candidates.length === query.k) return { candidates, underFilled: null }
  const matching = await countMatching(sql, table, scope, query)
  if (matching <= candidates.length) return { candidates, underFilled: null }
  const underFilled = {
    returned: candidates.length,
    wanted: query.k,
    reason: 'scan_limit',
  } as const
  return { candidates, underFilled }
}

/** At most k: enough to know whether any are missing. */
async function countMatching(
  sql: Query,
  table: Table,
  scope: Scope,
  query: DenseQuery,
): Promise<number> {
  const { bind, values } = parameters()
  const rows = await sql<{ readonly count: number }>(
    `select count(*)::int as count from (
       select 1 from ${table.name} where ${conditions(scope, query, bind)} limit ${bind(query.k)}::int) as bounded`,
    values,
  )
  return rows[0]?.count ?? 0
}

/** The tenant is named here and in the policy: either wall holds without the other. */
function conditions(scope: Scope, query: DenseQuery, bind: Bind): string {
  const own = `tenant_id = ${bind(scope.tenant)}::text`
  return query.filter === undefined ? own : `${own} and ${toSql(query.filter, bind)}`
}

function parameters(): { readonly bind: Bind; readonly values: unknown[] } {
  const values: unknown[] = []
  return { values, bind: (value) => `$${values.push(value)}` }
}

/** pgvector's distances turned round: cosine and inner product as they are, Euclidean negated. */
function toCandidates(rows: readonly Row[], { dense }: Table): LegResult['candidates'] {
  const scoreOf = (distance: number): number =>
    dense.metric === 'cosine' ? 1 - distance : -distance
  return rows.map(({ id, distance }) => ({ id, score: scoreOf(distance) })).sort(byScoreThenId)
}
