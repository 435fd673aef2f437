import { QuarryError } from '../../src/core/errors.ts'
import { atLeast, type Bound, notRun } from './bound.ts'
import type { SuiteContext } from './context.ts'
import { meanOf, NDCG } from './score-set.ts'
import { analyzerOf } from './sets.ts'

const WANTED: readonly (readonly [set: string, least: number])[] = [
  ['scifact', 0.51],
  ['xquad-en', 0.9],
]

/** The dense leg alone with the static embedding model that the package ships. */
export async function measureStaticEmbedder(context: SuiteContext): Promise<readonly Bound[]> {
  const bounds: Bound[] = []
  for (const [set, least] of WANTED) {
    const name = `static embedder ${set} ${NDCG}`
    const setup = { embedder: 'static', analyzer: analyzerOf(set) } as const
    try {
      const scores = await context.scores(set, setup, ['dense'])
      bounds.push(
        scores === null
          ? notRun(name, '>=', least, `there is no set ${set}`)
          : atLeast(name, meanOf(scores, 'dense', NDCG), least),
      )
    } catch (error) {
      if (!(error instanceof QuarryError) || error.code !== 'unsupported') throw error
      bounds.push(notRun(name, '>=', least, error.message))
    }
  }
  return bounds
}
