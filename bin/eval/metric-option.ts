import { InvalidArgumentError } from 'commander'
import { parseMetric } from '../../eval/metrics/parse-metric.ts'
import { QuarryError } from '../../src/core/errors.ts'

export const DEFAULT_METRICS: readonly string[] = [
  'ndcg@10',
  'recall@10',
  'recall@100',
  'mrr@10',
  'map@100',
  'hit_rate_tokens@2000',
]

/** For an option that takes one metric or several; what is given replaces the default. */
export function metricName(name: string, before: readonly string[]): readonly string[] {
  try {
    parseMetric(name)
  } catch (error) {
    if (error instanceof QuarryError) throw new InvalidArgumentError(`${error.message}.`)
    throw error
  }
  return before === DEFAULT_METRICS ? [name] : [...before, name]
}
