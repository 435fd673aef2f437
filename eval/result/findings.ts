import { comparePaired } from '../statistics/compare-paired.ts'
import type { Stage } from '../target.ts'
import type { EvalResult, QueryResult } from './schema.ts'

type Finding = EvalResult['findings'][number]
type Scored = Omit<EvalResult, 'findings'>

/** Smaller differences between stages are not worth a sentence. */
const WORTH_SAYING = 0.002
const QUERIES_FEW = 50
const NEIGHBOUR_RECALL_LOW = 0.95

/** What a reader should know before trusting the numbers or changing the collection. What is not sure is no warning. */
export async function findingsOf(result: Scored): Promise<Finding[]> {
  const stageFindings = [await fusionFinding(result), await rerankFinding(result)]
  return [
    ...answerFindings(result),
    ...stageFindings.filter((finding) => finding !== null),
    ...lossFindings(result),
    ...sampleFindings(result),
  ]
}

function answerFindings({ stages, missing }: Scored): Finding[] {
  const incomplete = stages.flatMap(({ stage, answers }): Finding[] => {
    const lost = answers.degraded + answers.failed
    if (lost === 0) return []
    const reasons = Object.entries(answers.reasons).map(([reason, count]) => `${reason} × ${count}`)
    return [
      {
        level: 'warning',
        text: `${stage}: ${answers.degraded} of ${answers.asked} answers were degraded and ${answers.failed} failed (${reasons.join(', ')}). They are not in the means; with them in, the table says "as answered".`,
      },
    ]
  })
  const absent = Object.entries(missing).map(
    ([stage, reason]): Finding => ({ level: 'note', text: `${stage} was not asked: ${reason}` }),
  )
  return [...incomplete, ...absent]
}

async function fusionFinding(result: Scored): Promise<Finding | null> {
  const legs = (['dense', 'lexical'] as const).flatMap((leg) => {
    const mean = meanOf(result, leg)
    return mean === null ? [] : [{ leg, mean }]
  })
  const better = legs.toSorted((a, b) => b.mean - a.mean)[0]
  if (better === undefined || legs.length < 2) return null
  const told = await difference(result, better.leg, 'fused')
  if (told === null || Math.abs(told.mean) < WORTH_SAYING) return null
  return told.mean > 0
    ? { level: 'note', text: `Fusion is above the better leg (${better.leg}) by ${told.text}.` }
    : {
        level: told.sure ? 'warning' : 'note',
        text: `Fusion is below the better leg: ${better.leg} alone is better by ${told.text}. Lower the other leg's weight in the policy's fusion, or fit it on queries of this collection.`,
      }
}

async function rerankFinding(result: Scored): Promise<Finding | null> {
  const told = await difference(result, 'fused', 'reranked')
  if (told === null || Math.abs(told.mean) < WORTH_SAYING) return null
  return told.mean > 0
    ? { level: 'note', text: `The whole request gains ${told.text} over fusion alone.` }
    : {
        level: told.sure ? 'warning' : 'note',
        text: `The whole request loses ${told.text} against fusion alone: try another reranker, or none.`,
      }
}

function lossFindings({ losses, depth, neighbour_recall: neighbours }: Scored): Finding[] {
  const findings: Finding[] = []
  if (losses !== null) {
    const { search, ranking, fusion, rerank, kept } = losses.counts
    const all = search + ranking + fusion + rerank + kept
    if (search / all > 0.1)
      findings.push({
        level: 'note',
        text: `${percent(search / all)} of the relevant documents were proposed by no leg within ${depth}: no fusion or reranker can show them. A better embedder, analyzer or chunking can.`,
      })
  }
  if (neighbours !== null && neighbours.recall < NEIGHBOUR_RECALL_LOW)
    findings.push({
      level: 'warning',
      text: `The vector index finds ${percent(neighbours.recall)} of the ${neighbours.k} truly nearest chunks: raise what its algorithm looks at (ef_search, probes).`,
    })
  return findings
}

function sampleFindings({ dataset, stages }: Scored): Finding[] {
  const findings: Finding[] = []
  if (dataset.queries < QUERIES_FEW)
    findings.push({
      level: 'note',
      text: `${dataset.queries} queries are few: look at the intervals before the means.`,
    })
  const cached = stages.filter(({ answers }) => answers.cached > 0).map(({ stage }) => stage)
  if (cached.length > 0)
    findings.push({
      level: 'note',
      text: `Some answers came from the service's cache and are left out of the latencies (${cached.join(', ')}).`,
    })
  return findings
}

async function difference(result: Scored, from: Stage, to: Stage) {
  const metric = result.metrics[0]
  if (metric === undefined) return null
  const pairs = result.queries.flatMap((query) => {
    const [a, b] = [wholeScore(query, from, metric), wholeScore(query, to, metric)]
    return a === null || b === null ? [] : [[a, b] as const]
  })
  if (pairs.length === 0) return null
  const { difference: mean, low, high } = await comparePaired(pairs)
  const sure = low > 0 || high < 0
  const [from95, to95] = mean < 0 ? [-high, -low] : [low, high]
  const interval = `95 % interval ${written(from95)} to ${written(to95)}`
  return {
    mean,
    sure,
    text: `${written(Math.abs(mean))} ${metric} (${interval}${sure ? '' : ', so it may be chance'})`,
  }
}

/** Null unless the stage answered this query in full. */
export function wholeScore(query: QueryResult, stage: Stage, metric: string): number | null {
  const own = query.stages[stage]
  return own?.state === 'whole' ? (own.metrics[metric] ?? null) : null
}

function meanOf({ stages, metrics }: Scored, stage: Stage): number | null {
  return stages.find((each) => each.stage === stage)?.metrics[metrics[0] ?? '']?.mean ?? null
}

function written(value: number): string {
  return value.toFixed(4).replace('-', '−')
}

function percent(share: number): string {
  return `${(share * 100).toFixed(1)} %`
}
