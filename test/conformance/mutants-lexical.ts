import { openAnalyzer } from '../../src/core/analysis/open-analyzer.ts'
import type { Analyzer } from '../../src/core/analyzer.ts'
import { matches } from '../../src/core/filter.ts'
import type { LexicalQuery } from '../../src/core/lexical-index.ts'
import type { ChunkId, IndexRef, LegResult, Scope } from '../../src/core/model.ts'
import type { IndexedChunk, IndexSpec, LexicalSpec } from '../../src/core/vector-store.ts'
import { scopeOf } from './fixture.ts'
import { bm25, type LexicalSettings, Oracle, ranked } from './oracle.ts'

/** What goes into a search, for a fault to spoil. */
interface Parts {
  readonly rows: readonly IndexedChunk[]
  /** What the counts are taken over. */
  readonly counted: readonly IndexedChunk[]
  readonly settings: LexicalSettings
  readonly query: LexicalQuery
  /** The query as it was asked. */
  readonly whole: LexicalQuery
}

/** The oracle with its lexical search taken apart and put together with one part wrong. */
class WrongBm25 extends Oracle {
  readonly #spoil: (parts: Parts, scope: Scope, oracle: WrongBm25) => Partial<Parts>
  readonly #after: (answer: LegResult, parts: Parts) => LegResult
  readonly deleted: IndexedChunk[] = []
  lexical: LexicalSpec = { analyzer: 'unicode', k1: 0.9, b: 0.4 }

  constructor(
    spoil: (parts: Parts, scope: Scope, oracle: WrongBm25) => Partial<Parts>,
    after: (answer: LegResult, parts: Parts) => LegResult = (answer) => answer,
  ) {
    super()
    this.#spoil = spoil
    this.#after = after
  }

  override async createIndex(ref: IndexRef, spec: IndexSpec, signal: AbortSignal): Promise<void> {
    await super.createIndex(ref, spec, signal)
    if (spec.lexical !== null) this.lexical = spec.lexical
  }

  override async deleteChunks(
    scope: Scope,
    ids: readonly ChunkId[],
    signal: AbortSignal,
  ): Promise<void> {
    for (const id of ids) {
      const chunk = this.rows(scope).get(id)
      if (chunk !== undefined) this.deleted.push({ ...chunk, id: `dead-${id}` as ChunkId })
    }
    await super.deleteChunks(scope, ids, signal)
  }

  override async searchLexical(
    scope: Scope,
    query: LexicalQuery,
    signal: AbortSignal,
  ): Promise<LegResult> {
    signal.throwIfAborted()
    const rows = [...this.rows(scope).values()]
    const settings = { ...this.lexical, analyzer: openAnalyzer(this.lexical.analyzer) }
    const whole: Parts = { rows, counted: rows, settings, query, whole: query }
    const parts = { ...whole, ...this.#spoil(whole, scope, this) }
    const { filter, k, text } = parts.query
    const kept = filter ? parts.rows.filter((chunk) => matches(filter, chunk)) : parts.rows
    return this.#after(ranked(kept, k, bm25(parts.counted, text, parts.settings)), parts)
  }
}

type Spoil = ConstructorParameters<typeof WrongBm25>[0]

const spoilt = (spoil: Spoil, after?: (answer: LegResult, parts: Parts) => LegResult) => () =>
  new WrongBm25(spoil, after)

const scaled = (score: (score: number) => number) => (answer: LegResult) => ({
  ...answer,
  candidates: answer.candidates.map(({ id, score: was }) => ({ id, score: score(was) })),
})

const otherTerms = (analyzer: Analyzer, change: (terms: string[]) => string[]): Analyzer => ({
  ...analyzer,
  terms: (text) => change(analyzer.terms(text)),
})

const PLAIN = Object.keys(Object.getOwnPropertyDescriptors(Object.prototype)).map((name) =>
  name.toLowerCase(),
)

/** No fault at all: the way of planting them must not be what turns a rule red. */
export const WITHOUT_FAULT: () => Oracle = spoilt(() => ({}))

export const LEXICAL_MUTANTS: Readonly<Record<string, () => Oracle>> = {
  'counts over all tenants': spoilt(({ counted }, scope, oracle) => {
    const other = scope.tenant === 'alice' ? 'bob' : 'alice'
    const others = oracle.rows(scopeOf(other, scope.index, scope.collection)).values()
    return {
      counted: [...counted, ...[...others].map((row) => ({ ...row, id: `~${row.id}` as ChunkId }))],
    }
  }),
  'deleted chunks stay in the counts': spoilt(({ counted }, _scope, { deleted }) => ({
    counted: [...counted, ...deleted],
  })),
  'the filter narrows the counts': spoilt(({ rows, query: { filter } }) => ({
    counted: filter ? rows.filter((row) => matches(filter, row)) : rows,
  })),
  'filters ignored': spoilt(({ query: { text, k } }) => ({ query: { text, k } })),
  'filter after k': spoilt(
    ({ query: { text, k } }) => ({ query: { text, k } }),
    (answer, { rows, whole: { filter } }) => ({
      ...answer,
      candidates: answer.candidates.filter(({ id }) =>
        rows.some((row) => row.id === id && (filter === undefined || matches(filter, row))),
      ),
    }),
  ),
  'the context is not searched': spoilt(({ rows }) => ({
    counted: rows.map((row) => ({ ...row, context: '' })),
  })),
  'the context is counted twice': spoilt(({ rows }) => ({
    counted: rows.map((row) => ({ ...row, context: `${row.context} ${row.context}` })),
  })),
  'k1 is always 1.2': spoilt(({ settings }) => ({ settings: { ...settings, k1: 1.2 } })),
  'b is always 0.75': spoilt(({ settings }) => ({ settings: { ...settings, b: 0.75 } })),
  'the analyzer is always english': spoilt(({ settings }) => ({
    settings: { ...settings, analyzer: openAnalyzer('english') },
  })),
  'repeated query terms count once': spoilt(({ query }) => ({
    query: { ...query, text: [...new Set(query.text.split(' '))].join(' ') },
  })),
  'only the first terms of a query count': spoilt(({ query }) => ({
    query: { ...query, text: query.text.split(' ').slice(0, 20).join(' ') },
  })),
  'terms named like object members are lost': spoilt(({ settings }) => ({
    settings: {
      ...settings,
      analyzer: otherTerms(settings.analyzer, (terms) =>
        terms.filter((term) => !PLAIN.includes(term)),
      ),
    },
  })),
  'long passages are cut': spoilt(({ settings }) => ({
    settings: {
      ...settings,
      analyzer: otherTerms(settings.analyzer, (terms) => terms.slice(0, 10_000)),
    },
  })),
  'lengths are not rounded': spoilt(({ settings }) => ({
    settings: { ...settings, rounded: (length) => length },
  })),
  'multiplied by k1 + 1': spoilt(
    () => ({}),
    (answer, { settings }) => scaled((was) => was * (settings.k1 + 1))(answer),
  ),
  'scores in single precision': spoilt(() => ({}), scaled(Math.fround)),
  'k is not kept': spoilt(({ query }) => ({ query: { ...query, k: query.k + 1 } })),
  'every chunk is a candidate': spoilt(
    () => ({}),
    (answer, { rows, query: { k } }) => ({
      ...answer,
      candidates: [
        ...answer.candidates,
        ...rows
          .filter(({ id }) => !answer.candidates.some((found) => found.id === id))
          .map(({ id }) => ({ id, score: 0 })),
      ].slice(0, k),
    }),
  ),
  'another tenant’s chunks are found': spoilt((_parts, scope, oracle) => {
    const rows = [...oracle.rows(scopeOf('alice', scope.index, scope.collection)).values()]
    return { rows, counted: rows }
  }),
  'statistics are a copy': () => {
    const oracle = new Oracle()
    const live = oracle.statistics.bind(oracle)
    return Object.assign(oracle, {
      statistics: async (scope: Scope) => ({ ...(await live(scope)) }),
    })
  },
}
