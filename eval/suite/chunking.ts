import { QuarryError } from '../../src/core/errors.ts'
import { LIMITS } from '../../src/core/limits.ts'
import { readSpanSet } from '../chunking/read-span-set.ts'
import { atLeast, type Bound, notRun } from './bound.ts'
import type { SuiteContext } from './context.ts'
import { scoreChunker } from './score-chunker.ts'

const SET = 'chroma-chunking'
const NAME = 'default chunker with bm25: recall@5 of characters, %'
const LEAST = 93
const N = 5

const DEFAULT_CHUNKING = {
  tokensMax: LIMITS.chunkTokens.default,
  overlapTokens: LIMITS.chunkOverlapTokens.default,
}

/** How much of the evidence the five best passages hold, by the default chunker and the lexical leg. */
export async function measureChunking(context: SuiteContext): Promise<readonly Bound[]> {
  const folder = context.folderOf(SET)
  const set = await readSpanSet(folder).catch((error: unknown) => {
    if (error instanceof QuarryError && error.code === 'invalid_request') return error
    throw error
  })
  if (set instanceof QuarryError) return [notRun(NAME, '>=', LEAST, set.message)]
  const setup = { embedder: 'none', analyzer: 'english' } as const
  const { means, chunks, chunkChars } = await scoreChunker(set, DEFAULT_CHUNKING, 'lexical', N, {
    cut: context.cut,
    open: (dataset) => context.openTarget(dataset, setup),
    signal: context.signal,
  })
  const percent = (share: number): number => Math.round(share * 1e4) / 100
  return [
    atLeast(NAME, means.recall * 100, LEAST, {
      precision: percent(means.precision),
      precision_omega: percent(means.precisionOmega),
      iou: percent(means.iou),
      chunks,
      chunk_chars: Math.round(chunkChars),
    }),
  ]
}
