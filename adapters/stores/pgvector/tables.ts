import { createHash } from 'node:crypto'
import { QuarryError } from '../../../src/core/errors.ts'
import type { IndexRef } from '../../../src/core/model.ts'
import type { DenseSpec, IndexSpec, Metric } from '../../../src/core/vector-store.ts'
import type { Query } from './session.ts'

/** Longest vector that pgvector can store, and that it can index as `vector` and as `halfvec`. */
export const DIMENSIONS_MAX = 16_000
const VECTOR_INDEX_MAX = 2_000
const HALFVEC_INDEX_MAX = 4_000

/** pgvector's k-means wants this many rows a list; with fewer its lists say nothing about the data. */
const ROWS_PER_LIST = 50

export interface Table {
  /** Quoted and with its schema. */
  readonly name: string
  readonly dense: DenseSpec
  readonly ann: AnnIndex | null
}

/** The approximate index of a table. Above 2,000 dimensions it holds halves; the rows keep the whole vectors. */
export interface AnnIndex {
  readonly method: 'hnsw' | 'ivfflat'
  readonly options: string
  readonly half: boolean
  /** Rows that must be there before it can be built; 0 for at once. */
  readonly rowsMin: number
}

export const OPERATORS: Readonly<Record<Metric, string>> = { cosine: '<=>', dot: '<#>', l2: '<->' }
const OPERATOR_CLASSES: Readonly<Record<Metric, string>> = {
  cosine: 'cosine_ops',
  dot: 'ip_ops',
  l2: 'l2_ops',
}

/** The expression that the approximate index is built on, and that a search must repeat to use it. */
export function annExpression({ dense, ann }: Table): string {
  return ann?.half === true ? `(embedding::halfvec(${dense.dimensions}))` : 'embedding'
}

export function describeTable(schema: string, ref: IndexRef, spec: IndexSpec): Table {
  const { dense } = spec
  if (dense === null)
    throw new QuarryError('unsupported', 'pgvector holds the dense part of an index; this has none')
  if (dense.dimensions < 1 || dense.dimensions > DIMENSIONS_MAX)
    throw new QuarryError(
      'unsupported',
      `pgvector stores 1 to ${DIMENSIONS_MAX} dimensions, not ${dense.dimensions}`,
    )
  return { name: `${schema}.${bareName(ref)}`, dense, ann: describeAnn(dense) }
}

/** Ids are anybody's text, so a hash of them names the table. */
function bareName({ collection, index }: IndexRef): string {
  const hash = createHash('sha256')
    .update(JSON.stringify([collection, index]))
    .digest('hex')
  return `v_${hash.slice(0, 32)}`
}

function describeAnn({ dimensions, algorithm }: DenseSpec): AnnIndex | null {
  const half = dimensions > VECTOR_INDEX_MAX
  const tooLong = dimensions > HALFVEC_INDEX_MAX
  if (tooLong && (algorithm.kind === 'hnsw' || algorithm.kind === 'ivf_flat'))
    throw new QuarryError(
      'unsupported',
      `pgvector indexes at most ${HALFVEC_INDEX_MAX} dimensions, not ${dimensions}; "flat" takes up to ${DIMENSIONS_MAX}`,
    )
  switch (algorithm.kind) {
    case 'flat':
      return null
    case 'auto':
      return tooLong ? null : hnsw(16, 64, half)
    case 'hnsw':
      if (algorithm.quantization === 'int8')
        throw new QuarryError('unsupported', 'pgvector has no int8 quantisation')
      return hnsw(algorithm.m, Math.max(algorithm.efConstruction, 2 * algorithm.m), half)
    case 'ivf_flat':
      return {
        method: 'ivfflat',
        options: `lists = ${whole(algorithm.lists)}`,
        half,
        rowsMin: algorithm.lists * ROWS_PER_LIST,
      }
    case 'ivf_pq':
      throw new QuarryError('unsupported', 'pgvector has no product quantisation')
  }
}

function hnsw(m: number, efConstruction: number, half: boolean): AnnIndex {
  const options = `m = ${whole(m)}, ef_construction = ${whole(efConstruction)}`
  return { method: 'hnsw', options, half, rowsMin: 0 }
}

/** Storage parameters cannot be bound, so nothing but digits gets into the statement. */
function whole(value: number): string {
  if (!Number.isSafeInteger(value) || value < 0)
    throw new QuarryError('invalid_request', `${value} is not a whole number`)
  return String(value)
}

/** Makes the table with its wall between tenants: forced row-level security for a role that owns nothing. */
export async function createTable(query: Query, table: Table, role: string): Promise<void> {
  const { name } = table
  await query(`create table ${name} (
    tenant_id text collate "C" not null,
    chunk_id text collate "C" not null,
    document_id text not null,
    revision bigint not null,
    metadata jsonb not null,
    instants jsonb not null,
    embedding vector(${whole(table.dense.dimensions)}) not null,
    primary key (tenant_id, chunk_id))`)
  await query(`alter table ${name} enable row level security`)
  await query(`alter table ${name} force row level security`)
  const own = `tenant_id = current_setting('quarry.tenant', true)`
  await query(`create policy one_tenant on ${name} using (${own}) with check (${own})`)
  await query(`grant select, insert, update, delete on ${name} to ${role}`)
  if (table.ann?.rowsMin === 0) await createAnn(query, table, table.ann)
}

export async function createAnn(query: Query, table: Table, ann: AnnIndex): Promise<void> {
  const type = ann.half ? 'halfvec' : 'vector'
  const operators = `${type}_${OPERATOR_CLASSES[table.dense.metric]}`
  await query(
    `create index if not exists ${annName(table)} on ${table.name} using ${ann.method} (${annExpression(table)} ${operators}) with (${ann.options})`,
  )
}

function annName({ name }: Table): string {
  return `${name.slice(name.indexOf('.') + 1)}_ann`
}
