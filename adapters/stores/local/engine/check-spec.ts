import { QuarryError } from '../../../../src/core/errors.ts'
import type { DenseSpec, IndexSpec, StoreCapabilities } from '../../../../src/core/vector-store.ts'
import { checkBoosts } from '../bm25/weighted-terms.ts'
import { checkHnsw } from '../hnsw/hnsw-spec.ts'

export const CAPABILITIES: StoreCapabilities = {
  algorithms: ['auto', 'flat', 'hnsw', 'ivf_pq'],
  metrics: ['cosine', 'dot', 'l2'],
  dimensionsMax: 8_192,
  batchMax: 1_000,
  exactAlgorithms: ['flat'],
  residence: 'process',
}

/** @throws QuarryError `invalid_request` or `unsupported` for what the engine cannot hold */
export function checkSpec({ dense, lexical }: IndexSpec): void {
  if (dense === null && lexical === null)
    throw new QuarryError('invalid_request', 'an index needs a dense part, a lexical part or both')
  if (dense !== null) checkDense(dense)
  if (lexical?.boosts !== undefined) checkBoosts(lexical.boosts)
}

function checkDense(dense: DenseSpec): void {
  const { algorithm, dimensions } = dense
  const { algorithms, dimensionsMax } = CAPABILITIES
  if (!algorithms.includes(algorithm.kind))
    throw new QuarryError(
      'unsupported',
      `the local engine has no algorithm ${algorithm.kind}; it has ${algorithms.join(', ')}`,
    )
  checkHnsw(dense)
  if (!Number.isInteger(dimensions) || dimensions < 1)
    throw new QuarryError('invalid_request', `${dimensions} is no number of dimensions`)
  if (dimensions > dimensionsMax)
    throw new QuarryError(
      'unsupported',
      `the local engine takes up to ${dimensionsMax} dimensions, not ${dimensions}`,
    )
}
