import { expect } from 'vitest'
import type { Filter } from '../../src/core/filter.ts'
import {
  byScoreThenId,
  type Candidate,
  type ChunkId,
  type IndexRef,
  type LegResult,
  type Scope,
} from '../../src/core/model.ts'
import type {
  DenseSpec,
  IndexAlgorithm,
  IndexSpec,
  VectorStore,
} from '../../src/core/vector-store.ts'
import { chunkOf, DIMENSIONS, never, scopeOf, vectorOf } from './fixture.ts'
import { Oracle } from './oracle.ts'
import { type Rule, rejection } from './rule.ts'

/** What is to be tested, and how well it has to do. */
export interface VectorStoreSubject {
  /** A store to use for one rule; `close` is called on it afterwards. Every rule uses indexes of its own names. */
  readonly open: () => Promise<VectorStore>
  /** Least recall@10 against exact search, for every algorithm of `algorithms`. Exact ones say 1. */
  readonly minRecall: number
  /** Kinds to prove, each for recall; the first serves all other rules. Default: flat. */
  readonly algorithms?: readonly IndexAlgorithm[] | undefined
  /** Most that a score may differ from the one recomputed in double precision. Default: 1e-3. */
  readonly scoreTolerance?: number | undefined
  /** How to break what the store calls. A store of residence `shared` needs it. */
  readonly faults?: StoreFaults | undefined
}

export interface StoreFaults {
  readonly kinds: readonly FaultKind[]
  /** A working store, and a switch after which every call it makes outside goes wrong in the given way. */
  readonly open: () => Promise<{
    readonly store: VectorStore
    readonly fail: (kind: FaultKind) => Promise<void>
  }>
}

/** Nobody listens; an answer of failure; told to slow down; no answer at all. */
export type FaultKind = 'unreachable' | 'error' | 'rate_limited' | 'hang'

/** One store with one fresh index, empty, and two tenants in it. */
export interface Bench {
  readonly store: VectorStore
  readonly dense: DenseSpec
  readonly alice: Scope
  readonly bob: Scope
  /** True where search under `dense` finds exactly what the oracle finds. */
  readonly exact: boolean
  readonly tolerance: number
  search(scope: Scope, vector: Float32Array, options?: SearchOptions): Promise<Candidate[]>
  found(scope: Scope, vector: Float32Array, options?: SearchOptions): Promise<ChunkId[]>
}

export interface SearchOptions {
  readonly k?: number | undefined
  readonly filter?: Filter | undefined
}

let benches = 0

export function ruleOn(
  subject: VectorStoreSubject,
  title: string,
  check: (bench: Bench) => Promise<void>,
  spec: Partial<DenseSpec> = {},
): Rule {
  return { title, check: () => withBench(subject, spec, check) }
}

async function withBench(
  subject: VectorStoreSubject,
  spec: Partial<DenseSpec>,
  check: (bench: Bench) => Promise<void>,
): Promise<void> {
  const store = await subject.open()
  try {
    await withIndex(store, subject, spec, check)
  } finally {
    await store.close()
  }
}

async function withIndex(
  store: VectorStore,
  subject: VectorStoreSubject,
  spec: Partial<DenseSpec>,
  check: (bench: Bench) => Promise<void>,
): Promise<void> {
  const index = `ix${++benches}`
  const alice = scopeOf('alice', index)
  const dense: DenseSpec = {
    dimensions: DIMENSIONS,
    metric: 'cosine',
    algorithm: subject.algorithms?.[0] ?? { kind: 'flat' },
    ...spec,
  }
  await store.createIndex(refOf(alice), { dense, lexical: null }, never)
  const search: Bench['search'] = async (scope, vector, { k = 10, filter } = {}) =>
    wellFormed(await store.searchDense(scope, { vector, k, filter }, never), k)
  try {
    await check({
      store,
      dense,
      alice,
      bob: scopeOf('bob', index),
      exact: store.capabilities.exactAlgorithms.includes(dense.algorithm.kind),
      tolerance: subject.scoreTolerance ?? 1e-3,
      search,
      found: async (...call) => (await search(...call)).map(({ id }) => id),
    })
  } finally {
    await store.dropIndex(refOf(alice), never)
  }
}

/** What holds for every answer of every leg: no more than k, none twice, best first, ties by id. */
export function wellFormed({ candidates }: LegResult, k: number): Candidate[] {
  expect(candidates.length).toBeLessThanOrEqual(k)
  expect(new Set(candidates.map(({ id }) => id)).size).toBe(candidates.length)
  expect(candidates.every(({ score }) => Number.isFinite(score))).toBe(true)
  expect(candidates).toEqual([...candidates].sort(byScoreThenId))
  return [...candidates]
}

export function refOf({ collection, index }: IndexRef): IndexRef {
  return { collection, index }
}

/** An oracle with the same index as the bench. */
export async function oracleFor({ alice, dense }: Bench): Promise<Oracle> {
  const oracle = new Oracle()
  const spec: IndexSpec = { dense: { ...dense, algorithm: { kind: 'flat' } }, lexical: null }
  await oracle.createIndex(refOf(alice), spec, never)
  return oracle
}

/** Every call of the port that reads or writes a tenant's part, by name. */
export function everyCall(
  store: VectorStore,
  scope: Scope,
  signal: AbortSignal,
): ReadonlyMap<string, () => Promise<unknown>> {
  const ids = ['c0000', 'c0001'] as ChunkId[]
  return new Map<string, () => Promise<unknown>>([
    ['searchDense', () => store.searchDense(scope, { vector: vectorOf(1), k: 5 }, signal)],
    ['upsert', () => store.upsert(scope, [chunkOf('late')], signal)],
    ['deleteChunks', () => store.deleteChunks(scope, ids, signal)],
    ['listChunkIds', () => drain(store.listChunkIds(scope, signal))],
    ['deleteTenant', () => store.deleteTenant(scope, signal)],
  ])
}

async function drain(ids: AsyncIterable<ChunkId>): Promise<void> {
  for await (const _ of ids);
}

/** The code that a call was refused with; undefined when it was not refused. */
export async function codeOf(call: Promise<unknown>): Promise<unknown> {
  const error = await rejection(call)
  if (error === undefined) return undefined
  return error instanceof Error && 'code' in error ? error.code : `no code: ${String(error)}`
}
