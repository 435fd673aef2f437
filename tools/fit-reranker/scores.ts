/** nDCG@10 with trec_eval's linear gain; `grades` in the order of the ranking, `wanted` all that there are. */
export function ndcg10(grades: readonly number[], wanted: readonly number[]): number {
  const gain = (ranked: readonly number[]): number =>
    ranked.slice(0, 10).reduce((sum, grade, rank) => sum + grade / Math.log2(rank + 2), 0)
  const ideal = gain([...wanted].sort((a, b) => b - a))
  return ideal === 0 ? 0 : gain(grades) / ideal
}

export interface Prediction {
  readonly relevance: number
  readonly relevant: boolean
}

const BINS = 10

/** Expected calibration error over ten bins of equal width (Naeini et al. 2015). */
export function calibrationError(predictions: readonly Prediction[]): number {
  const bins = Array.from({ length: BINS }, () => ({ relevance: 0, relevant: 0 }))
  for (const { relevance, relevant } of predictions) {
    const bin = bins[Math.min(BINS - 1, Math.floor(relevance * BINS))]
    if (bin === undefined) continue
    bin.relevance += relevance
    bin.relevant += relevant ? 1 : 0
  }
  const off = bins.reduce((sum, bin) => sum + Math.abs(bin.relevance - bin.relevant), 0)
  return off / Math.max(1, predictions.length)
}

/** How often what is relevant is given more relevance than what is not; ties count half. */
export function areaUnderCurve(predictions: readonly Prediction[]): number {
  const sorted = [...predictions].sort((a, b) => a.relevance - b.relevance)
  let below = 0
  let pairs = 0
  for (let from = 0; from < sorted.length; ) {
    let to = from
    let positive = 0
    while (to < sorted.length && sorted[to]?.relevance === sorted[from]?.relevance) {
      if (sorted[to]?.relevant) positive += 1
      to += 1
    }
    const negative = to - from - positive
    pairs += positive * (below + negative / 2)
    below += negative
    from = to
  }
  const positives = predictions.length - below
  return pairs / Math.max(1, positives * below)
}

export function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / Math.max(1, values.length)
}

export function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? 0
}
