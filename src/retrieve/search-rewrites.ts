import type { Budget } from '../core/budget.ts'
import type { Candidate } from '../core/model.ts'
import type { QueryText } from './cache-keys.ts'
import type { ExpansionPlan } from './deps.ts'
import type { RewrittenList } from './fuse.ts'
import { queryVector } from './query-vector.ts'
import { rewriteQuery } from './rewrite-query.ts'
import { type Run, whenBuilt } from './run.ts'
import type { Spent } from './spent.ts'
import { runStage } from './stage.ts'

/**
 * Has the query reworded and searches with what comes back, while others search with the query as it stands: nobody
 * waits for the generator but this. When it does not answer in time, or the search after it does not, there is
 * nothing to add and the answer says so.
 * - `multi_query` (RAG-Fusion, Rackauckas 2024, arXiv 2402.03367): each wording is searched on both legs.
 * - `hyde` (Gao et al. 2022, arXiv 2212.10496): hypothetical passages are embedded as passages, for the dense leg alone.
 */
export async function searchRewrites(
  run: Run,
  budget: Budget,
  spent: Spent,
): Promise<readonly RewrittenList[]> {
  const { expansion, dense, reserveMs } = run.plan
  if (expansion === null || (expansion.method === 'hyde' && dense === null)) return []
  const searched = await runStage('rewrite', run, budget, async (signal) => {
    const asking = budget.child({ reserveMs: reserveMs.afterRewrite - reserveMs.afterLegs, signal })
    const rewrites = await asking.run((ends) => rewriteQuery(run, expansion, spent, ends))
    const weight = expansion.weight / rewrites.length
    const parts = rewrites.map((text) => searchBoth(run, expansion, text, spent, signal))
    const lists = (await Promise.all(parts)).flat()
    return lists.map((list) => ({ ...list, weight }))
  })
  return searched.ok ? searched.value : []
}

type Found = Omit<RewrittenList, 'weight'>

async function searchBoth(
  run: Run,
  { method }: ExpansionPlan,
  text: string,
  spent: Spent,
  signal: AbortSignal,
): Promise<readonly Found[]> {
  const as = method === 'hyde' ? 'passage' : 'query'
  const legs = [
    searchDense(run, { text, as }, spent, signal),
    as === 'passage' ? null : searchLexical(run, text, signal),
  ]
  const [dense, lexical] = await Promise.all(legs)
  const found: Found[] = []
  if (dense) found.push({ leg: 'dense', candidates: dense })
  if (lexical) found.push({ leg: 'lexical', candidates: lexical })
  return found
}

async function searchDense(
  run: Run,
  query: QueryText,
  spent: Spent,
  signal: AbortSignal,
): Promise<readonly Candidate[] | null> {
  const { plan, request } = run
  if (plan.dense === null) return null
  const { store, embedder } = plan.dense
  const { vector } = await queryVector(run, embedder, query, spent, signal)
  const asked = { vector, k: plan.candidates, filter: request.filter }
  const { candidates } = await whenBuilt(() => store.searchDense(plan.scope, asked, signal))
  return candidates
}

async function searchLexical(
  { plan, request }: Run,
  text: string,
  signal: AbortSignal,
): Promise<readonly Candidate[] | null> {
  const { lexical } = plan
  if (lexical === null) return null
  const asked = { text, k: plan.candidates, filter: request.filter }
  const { candidates } = await whenBuilt(() => lexical.searchLexical(plan.scope, asked, signal))
  return candidates
}
