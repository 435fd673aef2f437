import type { Metric } from '../../../../src/core/vector-store.ts'
import type { Scratch } from '../memory/scratch.ts'

/**
 * The arrays that the first pass of a search looks at. A row's value is multiplier · (codes · query) + addend: its
 * length of projection on the query for cosine, its dot product for dot, and for l2 twice the dot product minus its
 * squared length, so that more is better in each.
 */
export interface CodeRows {
  /** Bytes of a row's codes: the dimensions rounded up to 16. The query has zeros behind, so what is there does not count. */
  readonly stride: number
  readonly codes: Int8Array
  readonly multipliers: Float64Array
  readonly addends: Float64Array
  /** What rounding to codes took from the vector: the length of the difference, in the terms of the value. */
  readonly errors: Float64Array
  /** Lengths of the vectors. */
  readonly norms: Float64Array
}

/** A query's numbers that rows are compared with, beside its codes. */
export interface Asked {
  readonly metric: Metric
  readonly norm: number
  /** Squared length. */
  readonly squares: number
}

/** A share of a sum's terms that covers all its rounding in double precision, at up to 8,192 dimensions. */
const ROUNDING = 4e-12
const CODE_MAX = 127
// Codes are rounded by Math.floor(x + 0.5): Math.round branches on every number, half the time wrongly foreseen.

export function strideOf(dimensions: number): number {
  return Math.ceil(dimensions / 16) * 16
}

/** Writes row `row` of the arrays. A vector of zeros is near to none by cosine. */
export function encodeRow(rows: CodeRows, row: number, vector: Float32Array, metric: Metric): void {
  const { codes, stride } = rows
  const { largest, squares } = measure(vector)
  const norm = Math.sqrt(squares)
  const step = largest / CODE_MAX
  const perStep = largest === 0 ? 0 : CODE_MAX / largest
  const from = row * stride
  let lost = 0
  for (let i = 0; i < vector.length; i++) {
    const value = vector[i] as number
    const code = Math.floor(value * perStep + 0.5)
    codes[from + i] = code
    const off = value - code * step
    lost += off * off
  }
  const factor = factorOf(metric, norm)
  rows.multipliers[row] = step * factor
  rows.addends[row] = metric === 'l2' ? -squares : 0
  rows.errors[row] = (Math.sqrt(lost) + norm * ROUNDING) * factor
  rows.norms[row] = norm
}

function factorOf(metric: Metric, norm: number): number {
  if (metric === 'dot') return 1
  if (metric === 'l2') return 2
  return norm === 0 ? 0 : 1 / norm
}

function measure(vector: Float32Array): { readonly largest: number; readonly squares: number } {
  let largest = 0
  let squares = 0
  for (let i = 0; i < vector.length; i++) {
    const value = vector[i] as number
    largest = Math.max(largest, Math.abs(value))
    squares += value * value
  }
  return { largest, squares }
}

/** Largest code of a query, such that no sum over the dimensions leaves 32 bits. */
function queryCodeMax(stride: number): number {
  return Math.min(32_767, Math.floor((2 ** 31 - 1) / (CODE_MAX * stride)))
}

/** Writes a query in all the forms that the kernels read. */
export function encodeQuery(query: Float32Array, metric: Metric, scratch: Scratch): Asked {
  const { query16, query64 } = scratch
  const { length } = query
  const stride = strideOf(length)
  const { largest, squares } = measure(query)
  const codeMax = queryCodeMax(stride)
  const scale = largest / codeMax
  const perScale = largest === 0 ? 0 : codeMax / largest
  let lost = 0
  for (let i = 0; i < length; i++) {
    const value = query[i] as number
    const code = Math.floor(value * perScale + 0.5)
    query16[i] = code
    query64[i] = value
    const off = value - code * scale
    lost += off * off
  }
  for (let i = length; i < stride; i++) query16[i] = 0
  const asked = { metric, norm: Math.sqrt(squares), squares }
  writeTerms(scratch.terms, asked, scale, Math.sqrt(lost))
  return asked
}

/**
 * How far a row's value may be from what its codes say: with x = x' + r and q = q' + s, x' and q' being what the codes
 * stand for, x·q is within |x'|·|s| + |r|·|q| of x'·q' (Cauchy and Schwarz), and |x'| ≤ |x| + |r|.
 */
function writeTerms(
  terms: Float64Array,
  { metric, norm, squares }: Asked,
  scale: number,
  rounded: number,
): void {
  const lost = rounded + norm * ROUNDING
  terms[0] = scale
  // Times the row's error.
  terms[1] = norm + lost
  // Times the row's norm.
  terms[2] = metric === 'dot' ? lost : metric === 'l2' ? 2 * lost : 0
  // Times the row's addend, which is no more than 0.
  terms[3] = -ROUNDING
  terms[4] = metric === 'cosine' ? lost : metric === 'l2' ? squares * ROUNDING : 0
}

/** The least value that a row of this score can have. */
export function leastValue(score: number, { metric, norm, squares }: Asked): number {
  if (score === Number.NEGATIVE_INFINITY) return score
  if (metric === 'l2') {
    const value = squares - score * score
    return value - ROUNDING * (Math.abs(value) + squares)
  }
  const value = metric === 'cosine' ? score * norm : score
  return value - ROUNDING * Math.abs(value)
}

/** How far a row's value may be from what its codes say at most, by the query's terms. */
export function slackOf(
  { errors, norms, addends }: CodeRows,
  row: number,
  terms: Float64Array,
): number {
  const [, perError = 0, perNorm = 0, perAddend = 0, slackMin = 0] = terms
  return (
    slackMin +
    perError * (errors[row] as number) +
    perNorm * (norms[row] as number) +
    perAddend * (addends[row] as number)
  )
}

/** The score of a row whose value is this. */
export function scoreOfValue(value: number, { metric, norm, squares }: Asked): number {
  if (metric === 'l2') return 0 - Math.sqrt(Math.max(0, squares - value))
  if (metric === 'dot') return value
  return norm === 0 ? 0 : value / norm
}
