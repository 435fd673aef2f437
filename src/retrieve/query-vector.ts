import type { Embedder } from '../core/embedder.ts'
import { QuarryError } from '../core/errors.ts'
import { type QueryText, queryVectorKey } from './cache-keys.ts'
import { type Run, statisticsOf } from './run.ts'
import type { Spent } from './spent.ts'

/** The text's vector in the plan's space, from the tenant's cache where it is. Tells whether it was there. */
export async function queryVector(
  run: Run,
  embedder: Embedder,
  query: QueryText,
  spent: Spent,
  signal: AbortSignal,
): Promise<{ readonly vector: Float32Array; readonly cache: 'hit' | 'miss' }> {
  const { plan, deps } = run
  const { text, as } = query
  let cache: 'hit' | 'miss' = 'hit'
  const load = async (shared: AbortSignal): Promise<Float32Array> => {
    cache = 'miss'
    const { tenant } = plan.scope
    const { vectors, tokens } =
      as === 'passage'
        ? await embedder.embedPassages([text], { tenant, signal: shared })
        : await embedder.embedQuery(text, {
            tenant,
            signal: shared,
            statistics: await statisticsOf(plan, shared),
          })
    spent.embedTokens += tokens
    const [vector] = vectors
    if (vector !== undefined) return vector
    throw new QuarryError('upstream_failed', 'the embedder returned no vector for the query')
  }
  const key = queryVectorKey(plan, embedder.profile, query, run.position)
  const vector = await (key === null
    ? load(signal)
    : deps.caches.queryVectors.get(key, signal, load))
  return { vector, cache }
}
