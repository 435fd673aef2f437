import type { Stage } from '../target.ts'

/**
 * What a request says to be answered by this stage, in either spelling. Near-duplicates are left out by the whole
 * request only, as its default is, so that their loss is not put down to the legs. A leg is asked for the question as it
 * stands: see `isLeg`.
 */
export const STAGE_REQUESTS = {
  dense: { mode: 'dense', rerank: null, dedupe: false },
  lexical: { mode: 'lexical', rerank: null, dedupe: false },
  fused: { mode: 'hybrid', rerank: null, dedupe: false },
  reranked: { mode: 'hybrid', dedupe: true },
} as const satisfies Record<Stage, object>

/** Other wordings are searched by the stages that bring several lists together, whatever the policy says. */
export function isLeg(stage: Stage): boolean {
  return stage === 'dense' || stage === 'lexical'
}

type Part = { readonly score: number } | null | undefined

interface Explained {
  readonly score: number
  readonly explain?:
    | { readonly dense?: Part; readonly lexical?: Part; readonly rerank?: Part }
    | null
    | undefined
}

/** The score that the stage itself gave a hit. What a reranker did not score keeps its fused score. */
export function stageScore({ score, explain }: Explained, stage: Stage): number {
  if (stage === 'fused') return score
  return explain?.[stage === 'reranked' ? 'rerank' : stage]?.score ?? score
}
