import { QuarryError } from '../../../src/core/errors.ts'
import { stateOf, toQuarryError } from './errors.ts'
import type { VectorPool } from './session.ts'

const VERSION_MIN = [0, 8]

/** Makes the extension, the schema, its role and the list of indexes, all of it if not there; gives the search path. */
export async function install(pool: VectorPool, schema: string): Promise<string> {
  const extensionSchema = await installExtension(pool)
  const client = await pool.connect()
  try {
    await client.query('begin')
    // Two processes that start at once would both find nothing and both create.
    await client.query('select pg_advisory_xact_lock(hashtext($1))', [schema])
    await client.query(`do $$ begin
      if not exists (select from pg_roles where rolname = '${schema}') then
        create role ${schema} nologin nosuperuser nobypassrls;
      end if;
      if not pg_has_role(current_user, '${schema}', 'member') then
        grant ${schema} to current_user;
      end if;
    end $$`)
    await client.query(`create schema if not exists ${schema}`)
    await client.query(`grant usage on schema ${schema} to ${schema}`)
    await client.query(`create table if not exists ${schema}.indexes (
      collection text not null,
      index text not null,
      spec jsonb not null,
      ann_ready boolean not null default false,
      primary key (collection, index))`)
    await client.query('commit')
  } catch (error) {
    await client.query('rollback')
    throw explain(error, schema)
  } finally {
    client.release()
  }
  return extensionSchema === schema ? schema : `${schema}, ${extensionSchema}`
}

async function installExtension(pool: VectorPool): Promise<string> {
  try {
    await pool.query('create extension if not exists vector')
  } catch (error) {
    const state = stateOf(error)
    if (state === null) throw toQuarryError(error)
    throw new QuarryError(
      'unsupported',
      `this Postgres has no pgvector (SQLSTATE ${state}): install the package "postgresql-<version>-pgvector" and, as a superuser, run "create extension vector"`,
      { cause: error },
    )
  }
  const { rows } = await pool.query(
    `select quote_ident(nspname) as schema, extversion as version
     from pg_extension join pg_namespace on pg_namespace.oid = extnamespace where extname = 'vector'`,
  )
  const [found] = rows as { readonly schema: string; readonly version: string }[]
  if (found === undefined || isOlder(found.version))
    throw new QuarryError(
      'unsupported',
      `pgvector ${found?.version ?? 'of unknown version'} is too old: filtered search needs ${VERSION_MIN.join('.')}; run "alter extension vector update"`,
    )
  return found.schema
}

function isOlder(version: string): boolean {
  const parts = version.split('.').map(Number)
  for (const [place, least] of VERSION_MIN.entries()) {
    const part = parts[place] ?? 0
    if (part !== least) return part < least
  }
  return false
}

function explain(error: unknown, schema: string): QuarryError {
  if (stateOf(error) !== '42501') return toQuarryError(error)
  return new QuarryError(
    'unsupported',
    `this database user may not prepare pgvector: run as a superuser "create role ${schema} nologin; grant ${schema} to <user>; grant create on database <database> to <user>"`,
    { cause: error },
  )
}
