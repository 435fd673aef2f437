import { Budget } from '../core/budget.ts'
import { QuarryError } from '../core/errors.ts'
import type { UnderFilled } from '../core/model.ts'
import { randomHex } from '../core/random-hex.ts'
import type { Prompt } from '../prompt/prompt.ts'
import type { Found } from './cache.ts'
import { resultKey } from './cache-keys.ts'
import type { RetrieveDeps } from './deps.ts'
import { expand } from './expand.ts'
import { fuse } from './fuse.ts'
import { ChunkShelf, selectHits } from './hits.ts'
import { searchLegs } from './legs.ts'
import type { Hit, RetrieveRequest, RetrieveResponse } from './request.ts'
import { rerankHead } from './rerank.ts'
import type { Run } from './run.ts'
import { nothingSpent } from './spent.ts'
import { runStage } from './stage.ts'
import { Trace } from './trace.ts'
import { weigh } from './weigh.ts'

/**
 * Query in, hits and prompt out: search both legs (and with other wordings, where asked), fuse, rerank, read, expand, assemble, all before one deadline.
 * What an upstream could not give in time is missing from the answer and named in `degraded`.
 */
export async function retrieve(
  request: RetrieveRequest,
  deps: RetrieveDeps,
): Promise<RetrieveResponse> {
  const run = await begin(request, deps)
  const { plan, trace } = run

  const key = trace.degraded.length === 0 ? resultKey(plan, request, run.position) : null
  const kept = key === null ? undefined : deps.caches.results.get(key)
  if (kept !== undefined) return respond(run, kept, FROM_CACHE)

  const legs = await searchLegs(run)
  const fusion = weigh(plan.fusion, legs.dense)
  const fused = await trace.time('fuse', () => fuse({ depth: plan.candidates, ...legs }, fusion))
  const shelf = new ChunkShelf(run)
  if (plan.rerank !== null) await shelf.read(fused.slice(0, plan.rerank.depth))
  const reordered = await rerankHead(run, fused, fusion.weights, shelf.chunks)
  const hits = await expandHits(run, await selectHits(run, reordered, shelf))
  reportUnderFilled(run, hits, legs.underFilled)
  const found: Found = { hits, underFilled: legs.underFilled }
  if (key !== null && trace.degraded.length === 0 && isShort(hits, deps.caches.resultCharsMax))
    deps.caches.results.set(key, found)
  return respond(run, found, {
    rerankDocuments: reordered.documents,
    cache: 'miss',
    queryVectorCache: legs.queryVectorCache,
    ...legs.spent,
  })
}

/** Starts the clock, makes the plan, and waits for the caller's own write. */
async function begin(request: RetrieveRequest, deps: RetrieveDeps): Promise<Run> {
  const budget = Budget.start(request.budgetMs, { clock: deps.clock, signal: request.signal })
  const trace = new Trace(request, deps.clock)
  const plan = await trace.time('plan', () =>
    budget.run(() => deps.planFor(request.tenant, request.collection, request)),
  )
  for (const refusal of plan.refused) trace.degrade(refusal)
  const run = { request, plan, deps, budget, trace, position: null }
  await waitUntilFresh(run)
  return { ...run, position: deps.freshness.position(plan.scope) }
}

async function waitUntilFresh(run: Run): Promise<void> {
  const { request, plan, deps, budget } = run
  const { minVersion, tenant, collection } = request
  if (minVersion === undefined) return
  const waiting = budget.child({ reserveMs: plan.reserveMs.afterFresh })
  await runStage('fresh', run, waiting, async (signal) => {
    if (await deps.freshness.waitApplied(tenant, collection, minVersion, signal)) return
    throw new QuarryError('deadline_exceeded', `version ${minVersion} is not searchable here yet`)
  })
}

async function expandHits(run: Run, hits: Hit[]): Promise<Hit[]> {
  const { request, plan, budget } = run
  const { expand: around } = request
  if (around === undefined || around.before + around.after === 0 || hits.length === 0) return hits
  const left = budget.child({ reserveMs: plan.reserveMs.afterExpand })
  const expanded = await runStage('expand', run, left, (signal) =>
    expand(hits, around, (document, from, to) =>
      plan.chunks.readNeighbours(plan.scope, document, from, to, signal),
    ),
  )
  return expanded.ok ? expanded.value : hits
}

/** Only where hits are missing: a leg that came back short of candidates may still have filled the answer. */
function reportUnderFilled({ request, trace }: Run, hits: readonly Hit[], by: UnderFilled | null) {
  if (by === null || hits.length >= request.topK) return
  trace.degrade({
    stage: 'fuse',
    reason: 'under_filled',
    fallback: 'fewer_hits',
    detail: `the filtered search stopped at ${by.returned} of ${by.wanted} candidates (${by.reason})`,
  })
}

async function assemblePrompt(run: Run, hits: readonly Hit[]): Promise<Prompt | null> {
  const { request, plan, budget, deps } = run
  const { prompt, query } = request
  if (prompt === undefined) return null
  const left = budget.child({ reserveMs: plan.reserveMs.afterAssemble })
  const input = { scope: plan.scope, query, hits, request: prompt, policy: plan.prompt }
  const assembled = await runStage('assemble', run, left, (signal) => deps.assemble(input, signal))
  return assembled.ok ? assembled.value : null
}

const FROM_CACHE = {
  ...nothingSpent(),
  rerankDocuments: 0,
  cache: 'hit',
  queryVectorCache: 'unused',
} as const

/** Of an answer found before or just now; the prompt is made anew for each, with a fence of its own. */
async function respond(
  run: Run,
  { hits, underFilled }: Found,
  usage: RetrieveResponse['usage'],
): Promise<RetrieveResponse> {
  const { plan, trace } = run
  const prompt = await assemblePrompt(run, hits)
  return {
    retrievalId: newRetrievalId(),
    hits,
    degraded: trace.degraded,
    underFilled,
    index: { id: plan.scope.index, space: plan.space.name },
    timingsMs: trace.timings(),
    usage,
    prompt,
  }
}

function isShort(hits: readonly Hit[], charsMax: number): boolean {
  let chars = 0
  for (const { text, before, after } of hits) {
    chars += text.length
    for (const chunk of before) chars += chunk.text.length
    for (const chunk of after) chars += chunk.text.length
  }
  return chars <= charsMax
}

function newRetrievalId(): string {
  return `ret_${randomHex(15)}`
}
