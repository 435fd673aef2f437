import type { Budget } from '../core/budget.ts'
import { QuarryError } from '../core/errors.ts'
import type { LegResult, UnderFilled } from '../core/model.ts'
import type { RankedLists, RewrittenList } from './fuse.ts'
import { queryVector } from './query-vector.ts'
import { type Run, whenBuilt } from './run.ts'
import { searchRewrites } from './search-rewrites.ts'
import { nothingSpent, type Spent } from './spent.ts'
import { runStage, type StageResult } from './stage.ts'
import { isTransient } from './trace.ts'

export interface Legs extends RankedLists {
  readonly underFilled: UnderFilled | null
  readonly spent: Readonly<Spent>
  readonly queryVectorCache: 'hit' | 'miss' | 'unused'
}

interface Found {
  readonly spent: Spent
  queryVectorCache: Legs['queryVectorCache']
  rewritten: readonly RewrittenList[]
}

/**
 * Searches the legs that the plan asks for, side by side, and beside them has the query reworded where the plan wants
 * that. One leg may be missing from the answer; not all.
 */
export async function searchLegs(run: Run): Promise<Legs> {
  const { budget, plan } = run
  const found: Found = { spent: nothingSpent(), queryVectorCache: 'unused', rewritten: [] }
  const [dense, lexical] = await budget.child({ reserveMs: plan.reserveMs.afterLegs }).together([
    (shared) => denseLeg(run, shared, found),
    (shared) => lexicalLeg(run, shared),
    async (shared) => {
      found.rewritten = await searchRewrites(run, shared, found.spent)
      return null
    },
  ])
  if (!dense?.ok && !lexical?.ok) throw noLegAnswered(run)
  const results = { dense: answerOf(dense), lexical: answerOf(lexical) }
  return {
    dense: results.dense?.candidates ?? null,
    lexical: results.lexical?.candidates ?? null,
    underFilled: results.dense?.underFilled ?? results.lexical?.underFilled ?? null,
    ...found,
  }
}

type Leg = StageResult<LegResult> | null

/** Embedding and search share the leg's time: a query vector that comes late finds none left to search with. */
async function denseLeg(run: Run, budget: Budget, found: Found): Promise<Leg> {
  const { request, plan } = run
  if (plan.dense === null) return null
  const { store, embedder } = plan.dense
  const text = { text: request.query, as: 'query' } as const
  const embedded = await runStage('embed', run, budget, (signal) =>
    queryVector(run, embedder, text, found.spent, signal),
  )
  if (!embedded.ok) return embedded
  found.queryVectorCache = embedded.value.cache
  const query = { vector: embedded.value.vector, k: plan.candidates, filter: request.filter }
  return runStage('dense', run, budget, (signal) =>
    whenBuilt(() => store.searchDense(plan.scope, query, signal)),
  )
}

async function lexicalLeg(run: Run, budget: Budget): Promise<Leg> {
  const { request, plan } = run
  const { lexical } = plan
  if (lexical === null) return null
  const query = { text: request.query, k: plan.candidates, filter: request.filter }
  return runStage('lexical', run, budget, (signal) =>
    whenBuilt(() => lexical.searchLexical(plan.scope, query, signal)),
  )
}

function answerOf(leg: Leg | undefined): LegResult | null {
  return leg?.ok ? leg.value : null
}

function noLegAnswered({ trace }: Run): QuarryError {
  const { degraded } = trace
  const failed = degraded.filter(({ stage }) => LEG_STAGES.has(stage))
  const late = failed.length > 0 && failed.every(({ reason }) => reason === 'deadline')
  return new QuarryError(
    late ? 'deadline_exceeded' : 'unavailable',
    `no search leg answered: ${failed.map(({ stage, reason }) => `${stage} ${reason}`).join(', ')}`,
    { retryable: failed.some(({ reason }) => isTransient(reason)), details: { degraded } },
  )
}

const LEG_STAGES: ReadonlySet<string> = new Set(['embed', 'dense', 'lexical'])
