import { logistic } from '../../adapters/rerankers/lexical/relevance.ts'

/** One query: a row of numbers for each candidate, and how much each should be preferred; targets add up to 1. */
export interface Listwise {
  readonly rows: readonly Float64Array[]
  readonly targets: readonly number[]
  readonly weight: number
}

const STEPS = 200
const RATE = 0.3
const RIDGE = 1e-3

/** Weights of a softmax over each list (ListNet, Cao et al. 2007), none below 0, by Adam. */
export function fitListwise(lists: readonly Listwise[], width: number): Float64Array {
  return descend(width, 0, (weights, gradient) => {
    for (const { rows, targets, weight } of lists) {
      const scores = rows.map((row) => dot(row, weights))
      const highest = Math.max(...scores)
      const powers = scores.map((score) => Math.exp(score - highest))
      const total = powers.reduce((sum, power) => sum + power, 0)
      for (const [i, row] of rows.entries()) {
        const error = weight * ((powers[i] as number) / total - (targets[i] as number))
        for (let j = 0; j < width; j += 1)
          gradient[j] = (gradient[j] as number) + error * (row[j] as number)
      }
    }
  })
}

export interface Judged {
  readonly row: Float64Array
  readonly relevant: boolean
  readonly weight: number
}

/** Logistic regression; the last number of a row is 1, and its weight the bias, which alone may be below 0. */
export function fitLogistic(judged: readonly Judged[], width: number): Float64Array {
  return descend(width, 1, (weights, gradient) => {
    for (const { row, relevant, weight } of judged) {
      const error = weight * (logistic(dot(row, weights)) - (relevant ? 1 : 0))
      for (let j = 0; j < width; j += 1)
        gradient[j] = (gradient[j] as number) + error * (row[j] as number)
    }
  })
}

function dot(row: Float64Array, weights: Float64Array): number {
  let sum = 0
  for (let j = 0; j < row.length; j += 1) sum += (row[j] as number) * (weights[j] as number)
  return sum
}

/** Kingma and Ba 2015; after each step all weights but the last `free` ones are at least 0. */
function descend(
  width: number,
  free: number,
  addGradient: (weights: Float64Array, gradient: Float64Array) => void,
): Float64Array {
  const weights = new Float64Array(width)
  const mean = new Float64Array(width)
  const square = new Float64Array(width)
  for (let step = 1; step <= STEPS; step += 1) {
    const gradient = weights.map((weight, j) => (j < width - free ? RIDGE * weight : 0))
    addGradient(weights, gradient)
    for (let j = 0; j < width; j += 1) {
      mean[j] = 0.9 * (mean[j] as number) + 0.1 * (gradient[j] as number)
      square[j] = 0.99 * (square[j] as number) + 0.01 * (gradient[j] as number) ** 2
      const size = Math.sqrt((square[j] as number) / (1 - 0.99 ** step)) + 1e-9
      const moved = (weights[j] as number) - (RATE * (mean[j] as number)) / (1 - 0.9 ** step) / size
      weights[j] = j < width - free ? Math.max(0, moved) : moved
    }
  }
  return weights
}
