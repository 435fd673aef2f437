import type { BlockReader } from '../blocks.ts'
import type { DenseSegment } from '../dense/dense-segment.ts'
import { NOTHING_FOUND } from '../found.ts'
import type { ReadVectors } from '../hnsw/graph.ts'
import { type IvfFacts, openIvf } from './index-of-lists.ts'
import { nearestOf } from './nearest.ts'
import { rankExactly, rankRounded } from './rank-found.ts'
import { openWorkspace, type Workspace } from './workspace.ts'

export interface IvfPqOptions extends IvfFacts {
  /** Of some tens of rows, from disk say. */
  readonly floatsAt?: ReadVectors | undefined
}

/**
 * Inverted lists with product codes (IVFADC+R: Jégou, Tavenard, Douze, Amsaleg 2011). The lists nearest to the query
 * are scanned by their codes, the best rows of that are scored again by what int8 adds to the codes. With `floatsAt`
 * the best of these are scored once more by their vectors, and the scores are exact; without it they are those of the
 * int8 rows, which for cosine are off by some 0.0001, seldom by 0.001. By dot, rows whose lengths differ widely are
 * found less well, since lists are made by distance.
 */
export function openIvfPq(blocks: BlockReader, options: IvfPqOptions): DenseSegment {
  const ivf = openIvf(blocks, options)
  let idle: Workspace | null = null
  let isClosed = false
  const take = (): Workspace => {
    const space = idle ?? openWorkspace(ivf.kernels, ivf.shape)
    idle = null
    return space
  }
  const give = (space: Workspace): void => {
    if (isClosed || idle !== null) ivf.kernels.giveBytes(space.room)
    else idle = space
  }
  return {
    kind: 'ivf_pq',
    async search(query, search, signal) {
      signal.throwIfAborted()
      if (search.k <= 0 || search.allowedCount === 0) return NOTHING_FOUND
      const space = take()
      try {
        const near = await nearestOf(ivf, query, search, space, signal)
        const { floatsAt } = options
        if (floatsAt === undefined) return rankRounded(near, search)
        return await rankExactly(ivf.metric, query, near, search, floatsAt, signal)
      } finally {
        give(space)
      }
    },
    close() {
      isClosed = true
      if (idle !== null) ivf.kernels.giveBytes(idle.room)
      idle = null
    },
  }
}
