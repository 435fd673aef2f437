import { QuarryError } from '../../src/core/errors.ts'
import { type Filter, matches } from '../../src/core/filter.ts'
import { byScoreThenId, type Candidate, type ChunkId, type Scope } from '../../src/core/model.ts'
import type { IndexedChunk, Metric } from '../../src/core/vector-store.ts'
import { never, scopeOf } from './fixture.ts'
import { Oracle } from './oracle.ts'

type Calls = Partial<Oracle>

/** A store with one fault: the oracle with some calls replaced. */
export type Mutant = () => Oracle

const mutant =
  (change: (right: Oracle) => Calls): Mutant =>
  () => {
    const right = new Oracle()
    const wrong = change(right)
    return new Proxy(right, {
      get: (target, name) => {
        const own = Reflect.get(wrong, name)
        const value = own ?? Reflect.get(target, name, target)
        return typeof value === 'function' ? value.bind(own === undefined ? target : wrong) : value
      },
    })
  }

/** Every scope that a call is given, changed on its way in. */
const withScope = (change: (scope: Scope) => Scope): Mutant =>
  mutant((right) => ({
    createIndex: (ref, spec, signal) =>
      right.createIndex(change({ ...scopeOf(''), ...ref }), spec, signal),
    dropIndex: (ref, signal) => right.dropIndex(change({ ...scopeOf(''), ...ref }), signal),
    upsert: (scope, chunks, signal) => right.upsert(change(scope), chunks, signal),
    deleteChunks: (scope, ids, signal) => right.deleteChunks(change(scope), ids, signal),
    deleteTenant: (scope, signal) => right.deleteTenant(change(scope), signal),
    listChunkIds: (scope, signal) => right.listChunkIds(change(scope), signal),
    searchDense: (scope, query, signal) => right.searchDense(change(scope), query, signal),
  }))

const withFilter = (change: (filter: Filter) => Filter): Mutant =>
  mutant((right) => ({
    searchDense: (scope, { filter, ...query }, signal) =>
      right.searchDense(
        scope,
        filter === undefined ? query : { ...query, filter: mapped(filter, change) },
        signal,
      ),
  }))

function mapped(filter: Filter, change: (filter: Filter) => Filter): Filter {
  if (filter.op === 'not') return change({ op: 'not', filter: mapped(filter.filter, change) })
  if (filter.op === 'and' || filter.op === 'or')
    return change({ ...filter, filters: filter.filters.map((child) => mapped(child, change)) })
  return change(filter)
}

const withCandidates = (
  change: (found: readonly Candidate[], k: number) => Candidate[],
  askFor: (k: number) => number = (k) => k,
): Mutant =>
  mutant((right) => ({
    searchDense: async (scope, query, signal) => {
      const asked = { ...query, k: askFor(query.k) }
      const { candidates } = await right.searchDense(scope, asked, signal)
      return { candidates: change(candidates, query.k), underFilled: null }
    },
  }))

const withChunks = (change: (chunks: readonly IndexedChunk[]) => readonly IndexedChunk[]): Mutant =>
  mutant((right) => ({
    upsert: (scope, chunks, signal) => right.upsert(scope, change(chunks), signal),
  }))

const withList = (change: (ids: ChunkId[]) => ChunkId[]): Mutant =>
  mutant((right) => ({
    async *listChunkIds(scope, signal) {
      const ids: ChunkId[] = []
      for await (const id of right.listChunkIds(scope, signal)) ids.push(id)
      yield* change(ids)
    },
  }))

const withMetric = (wrong: Metric): Mutant =>
  mutant((right) => ({
    createIndex: (ref, { dense, lexical }, signal) =>
      right.createIndex(
        ref,
        { lexical, dense: dense === null ? null : { ...dense, metric: wrong } },
        signal,
      ),
  }))

/** No fault at all: the way of planting them must not be what turns a rule red. */
export const WITHOUT_FAULT: readonly Mutant[] = [
  mutant(() => ({})),
  withScope((scope) => scope),
  withFilter((filter) => filter),
  withCandidates((found) => [...found]),
  withChunks((chunks) => chunks),
  withList((ids) => ids),
]

export const DENSE_MUTANTS: Readonly<Record<string, Mutant>> = {
  'tenant left out of the key': withScope((scope) => ({ ...scope, tenant: scopeOf('all').tenant })),
  'tenant compared without case': withScope((scope) =>
    scopeOf(scope.tenant.toLowerCase(), scope.index, scope.collection),
  ),
  'collection left out of the key': withScope((scope) => scopeOf(scope.tenant, scope.index)),
  'index left out of the key': withScope((scope) => scopeOf(scope.tenant, 'one', scope.collection)),
  'filter after k': mutant((right) => ({
    searchDense: async (scope, { filter, ...query }, signal) => {
      const { candidates } = await right.searchDense(scope, query, signal)
      const kept = candidates.filter(({ id }) => {
        const chunk = right.rows(scope).get(id)
        return chunk !== undefined && (filter === undefined || matches(filter, chunk))
      })
      return { candidates: kept, underFilled: null }
    },
  })),
  'filters ignored': withFilter(() => ({ op: 'and', filters: [] })),
  'not ignored': withFilter((filter) => (filter.op === 'not' ? filter.filter : filter)),
  'or taken for and': withFilter((filter) =>
    filter.op === 'or' ? { ...filter, op: 'and' } : filter,
  ),
  'an empty or lets everything through': withFilter((filter) =>
    filter.op === 'or' && filter.filters.length === 0 ? { ...filter, op: 'and' } : filter,
  ),
  'ne leaves out chunks without the field': withFilter((filter) =>
    filter.op === 'ne'
      ? { op: 'and', filters: [filter, { op: 'exists', field: filter.field }] }
      : filter,
  ),
  'nin leaves out chunks without the field': withFilter((filter) =>
    filter.op === 'nin'
      ? { op: 'and', filters: [filter, { op: 'exists', field: filter.field }] }
      : filter,
  ),
  'gte taken for gt': withFilter((filter) =>
    filter.op === 'gte' ? { ...filter, op: 'gt' } : filter,
  ),
  'lt taken for lte': withFilter((filter) =>
    filter.op === 'lt' ? { ...filter, op: 'lte' } : filter,
  ),
  'values compared as text': withFilter((filter) =>
    filter.op === 'eq' && typeof filter.value === 'number'
      ? { op: 'in', field: filter.field, values: [filter.value, String(filter.value)] }
      : filter,
  ),
  'quotes doubled in values': withFilter((filter) =>
    filter.op === 'eq' && typeof filter.value === 'string'
      ? { ...filter, value: filter.value.replaceAll("'", "''") }
      : filter,
  ),
  'dates compared without their offset': withFilter((filter) =>
    'value' in filter &&
    typeof filter.value === 'string' &&
    filter.op !== 'eq' &&
    filter.op !== 'ne'
      ? { ...filter, value: filter.value.slice(0, 10) }
      : filter,
  ),
  'prototype fields exist': withFilter((filter) =>
    filter.op === 'exists' && filter.field in {} ? { op: 'and', filters: [] } : filter,
  ),
  'worst first': withCandidates((found) => [...found].reverse()),
  'ties by id descending': withCandidates((found) =>
    [...found].sort(
      (a, b) => b.score - a.score || -byScoreThenId({ ...a, score: 0 }, { ...b, score: 0 }),
    ),
  ),
  'ties by id without case': withCandidates((found) =>
    [...found].sort((a, b) => b.score - a.score || a.id.localeCompare(b.id)),
  ),
  'one more than k': withCandidates(
    (found) => [...found],
    (k) => k + 1,
  ),
  'never more than twenty': withCandidates((found) => found.slice(0, 20)),
  'score || 999': withCandidates((found) =>
    found.map(({ id, score }) => ({ id, score: score || 999 })),
  ),
  'distance given for score': withCandidates((found) =>
    found.map(({ id, score }) => ({ id, score: 1 - score })).sort(byScoreThenId),
  ),
  'scores rounded to two places': withCandidates((found) =>
    found
      .map(({ id, score }) => ({ id, score: Math.round(score * 100) / 100 }))
      .sort(byScoreThenId),
  ),
  'every ninth row is never found': withCandidates((found) =>
    found.filter(({ id }) => !/^c\d*9$/.test(id)),
  ),
  'always dot': withMetric('dot'),
  'always cosine': withMetric('cosine'),
  'always l2': withMetric('l2'),
  'a batch is cut at the limit': withChunks((chunks) => chunks.slice(0, 100)),
  'a lower revision overwrites': mutant((right) => ({
    upsert: async (scope, chunks, signal) => {
      await right.deleteChunks(
        scope,
        chunks.map(({ id }) => id),
        signal,
      )
      await right.upsert(scope, chunks, signal)
    },
  })),
  'the first of a batch’s equal ids stays': withChunks((chunks) => [
    ...new Map([...chunks].reverse().map((chunk) => [chunk.id, chunk])).values(),
  ]),
  'an update leaves the old metadata': mutant((right) => ({
    upsert: async (scope, chunks, signal) =>
      right.upsert(
        scope,
        chunks.map((chunk) => ({
          ...chunk,
          metadata: { ...chunk.metadata, ...right.rows(scope).get(chunk.id)?.metadata },
        })),
        signal,
      ),
  })),
  'written only once': mutant((right) => ({
    upsert: async (scope, chunks, signal) =>
      right.upsert(
        scope,
        chunks.filter(({ id }) => !right.rows(scope).has(id)),
        signal,
      ),
  })),
  'upsert appends': mutant((right) => ({
    upsert: async (scope, chunks, signal) =>
      right.upsert(
        scope,
        chunks.map((chunk) =>
          right.rows(scope).has(chunk.id) ? { ...chunk, id: `${chunk.id}+` as ChunkId } : chunk,
        ),
        signal,
      ),
  })),
  'partial write': mutant((right) => ({
    upsert: async (scope, chunks, signal) => {
      await right.upsert(scope, [], signal)
      for (const chunk of chunks) await right.upsert(scope, [chunk], signal)
    },
  })),
  'written in parts of the limit': mutant((right) => ({
    upsert: async (scope, chunks, signal) => {
      for (let at = 0; at === 0 || at < chunks.length; at += 100)
        await right.upsert(scope, chunks.slice(at, at + 100), signal)
    },
  })),
  'what is not finite becomes zero': withChunks((chunks) =>
    chunks.map((chunk) => ({
      ...chunk,
      vector: chunk.vector?.map((value) => (Number.isFinite(value) ? value : 0)) ?? null,
    })),
  ),
  'deletes nothing': mutant(() => ({
    deleteChunks: async (_s, _i, signal) => signal.throwIfAborted(),
  })),
  'deletes up to the limit': mutant((right) => ({
    deleteChunks: (scope, ids, signal) => right.deleteChunks(scope, ids.slice(0, 100), signal),
  })),
  'deletes whatever begins like the id': mutant((right) => ({
    deleteChunks: async (scope, ids, signal) => {
      const doomed = [...right.rows(scope).keys()].filter((id) =>
        ids.some((other) => id.startsWith(other.slice(0, 4))),
      )
      return right.deleteChunks(scope, doomed, signal)
    },
  })),
  'deleting what is missing fails': mutant((right) => ({
    deleteChunks: async (scope, ids, signal) => {
      if (ids.some((id) => !right.rows(scope).has(id)))
        throw new QuarryError('not_found', 'no chunk')
      await right.deleteChunks(scope, ids, signal)
    },
  })),
  'deleteTenant takes every tenant': mutant((right) => ({
    deleteTenant: async (scope, signal) => {
      for (const tenant of ['alice', 'bob'])
        await right.deleteTenant(scopeOf(tenant, scope.index, scope.collection), signal)
    },
  })),
  'deleteTenant takes nothing': mutant(() => ({
    deleteTenant: async (_s, signal) => signal.throwIfAborted(),
  })),
  'a missing index reads as empty': mutant((right) => ({
    searchDense: async (scope, query, signal) => {
      try {
        return await right.searchDense(scope, query, signal)
      } catch (error) {
        if (error instanceof QuarryError && error.code === 'not_found')
          return { candidates: [], underFilled: null }
        throw error
      }
    },
  })),
  'a missing index is made by writing': mutant((right) => ({
    upsert: async (scope, chunks, signal) => {
      try {
        right.rows(scope)
      } catch {
        return signal.throwIfAborted()
      }
      await right.upsert(scope, chunks, signal)
    },
  })),
  'making an index again empties it': mutant((right) => ({
    createIndex: async (ref, spec, signal) => {
      await right.createIndex(ref, spec, signal)
      await right.dropIndex(ref, signal)
      await right.createIndex(ref, spec, signal)
    },
  })),
  'another spec is taken for the same': mutant((right) => ({
    createIndex: async (ref, spec, signal) => {
      try {
        await right.createIndex(ref, spec, signal)
      } catch (error) {
        if (!(error instanceof QuarryError && error.code === 'conflict')) throw error
      }
    },
  })),
  'any algorithm is taken for flat': mutant((right) => ({
    createIndex: (ref, { dense, lexical }, signal) =>
      right.createIndex(
        ref,
        { lexical, dense: dense === null ? null : { ...dense, algorithm: { kind: 'flat' } } },
        signal,
      ),
  })),
  'dropping forgets nothing': mutant(() => ({
    dropIndex: async (_r, signal) => signal.throwIfAborted(),
  })),
  'the list has one page': withList((ids) => ids.slice(0, 1_000)),
  'the list repeats a page’s last id': withList((ids) =>
    ids.flatMap((id, i) => (i % 1_000 === 999 ? [id, id] : [id])),
  ),
  'an aborted signal is ignored': mutant((right) => ({
    searchDense: (scope, query) => right.searchDense(scope, query, never),
  })),
  'an aborted write is written': mutant((right) => ({
    upsert: async (scope, chunks, signal) => {
      await right.upsert(scope, chunks, never)
      signal.throwIfAborted()
    },
  })),
  'an abort is waited out for ever': mutant((right) => ({
    searchDense: (scope, query, signal) =>
      signal.aborted ? new Promise(() => {}) : right.searchDense(scope, query, signal),
  })),
  'a query of the wrong size is cut to fit': mutant((right) => ({
    searchDense: (scope, query, signal) => {
      const vector = new Float32Array(8)
      vector.set(query.vector.subarray(0, 8))
      return right.searchDense(
        scope,
        query.vector.length === 9 ? { ...query, vector } : query,
        signal,
      )
    },
  })),
  'keeps the caller’s array': mutant((right) => ({
    upsert: async (scope, chunks, signal) => {
      await right.upsert(scope, chunks, signal)
      for (const chunk of chunks) {
        const stored = right.rows(scope).get(chunk.id)
        if (stored?.revision === chunk.revision) right.rows(scope).set(chunk.id, chunk)
      }
    },
  })),
}
