import { needTokens } from '../../eval/metrics/parse-metric.ts'
import { openTokenizer } from '../tokenizer/o200k.ts'

/** What counts the tokens of answers; undefined where none of these metrics asks for them, since it takes memory and time. */
export async function counterFor(
  metrics: readonly string[],
): Promise<((text: string) => number) | undefined> {
  return needTokens(metrics) ? (await openTokenizer()).count : undefined
}
