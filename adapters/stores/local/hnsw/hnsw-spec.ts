import { QuarryError } from '../../../../src/core/errors.ts'
import type { DenseSpec, IndexAlgorithm } from '../../../../src/core/vector-store.ts'

export type HnswSpec = Extract<IndexAlgorithm, { readonly kind: 'hnsw' }>

/** Below 2 the level formula 1/ln(m) of HNSW divides by zero. */
const M_MIN = 2
const M_MAX = 256
const EF_MAX = 4_096

/**
 * To be called when an index is made.
 * @throws QuarryError `invalid_request` for numbers out of range; `unsupported` for int8 with another metric than
 *   cosine, since usearch scales every vector to length 1 before it rounds it, so that dot and l2 lose the lengths
 */
export function checkHnsw({ algorithm, metric }: DenseSpec): void {
  if (algorithm.kind !== 'hnsw') return
  checkRange('m', algorithm.m, M_MIN, M_MAX)
  checkRange('ef_construction', algorithm.efConstruction, 1, EF_MAX)
  checkRange('ef_search', algorithm.efSearch, 1, EF_MAX)
  if (isInt8(algorithm) && metric !== 'cosine')
    throw new QuarryError(
      'unsupported',
      `hnsw with quantization int8 works with the metric cosine, not ${metric}: use quantization none`,
      { details: { metric, quantization: 'int8' } },
    )
}

export function isInt8(spec: HnswSpec): boolean {
  return spec.quantization === 'int8'
}

function checkRange(name: string, value: number, min: number, max: number): void {
  if (Number.isInteger(value) && value >= min && value <= max) return
  throw new QuarryError(
    'invalid_request',
    `hnsw: ${name} must be an integer from ${min} to ${max}, not ${value}`,
  )
}
