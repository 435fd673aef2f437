/** What a dense leg weighs in fusion when its best candidate has this score. */
export interface DenseWeightPoint {
  readonly score: number
  readonly weight: number
}

/**
 * What a dense leg weighs in fusion beside a lexical one of 1: always the same, or by the score of its best candidate,
 * linearly from the first point to the second and as much as the nearer one outside them. A model whose best score says
 * how near it came to the query's meaning is trusted the further, the nearer it came.
 */
export type DenseWeight = number | readonly [DenseWeightPoint, DenseWeightPoint]

/** `best` is null where the leg found nothing or was not asked. */
export function denseWeightAt(weight: DenseWeight, best: number | null): number {
  if (typeof weight === 'number') return weight
  const [low, high] = weight
  const share = ((best ?? low.score) - low.score) / (high.score - low.score)
  return low.weight + (high.weight - low.weight) * Math.min(1, Math.max(0, share))
}

export function scaledDenseWeight(weight: DenseWeight, by: number): DenseWeight {
  if (typeof weight === 'number') return weight * by
  const [low, high] = weight
  return [
    { score: low.score, weight: low.weight * by },
    { score: high.score, weight: high.weight * by },
  ]
}

/** Whether the leg can weigh anything at all. */
export function isWeighed(weight: DenseWeight): boolean {
  return typeof weight === 'number' ? weight > 0 : weight.some((point) => point.weight > 0)
}
