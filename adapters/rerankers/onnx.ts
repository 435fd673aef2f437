import { basename, resolve } from 'node:path'
import type { RerankCandidate, Reranker, RerankScore } from '../../src/core/reranker.ts'
import { openModelHost } from '../onnx/host.ts'
import type { AdapterContext } from '../options.ts'
import { type OnnxRerankerOptions, onnxRerankerOptions } from './options.ts'

/** A cross-encoder from a local folder. Its relevance is the sigmoid of one logit, or the second's share of two. */
export async function openOnnxReranker(
  options: OnnxRerankerOptions,
  context: AdapterContext = {},
): Promise<Reranker> {
  return await openPairs(options, context, { task: 'score', calibrated: true, score: scoreOf })
}

/** A ColBERT-style model from a local folder: each of the query's token vectors with its nearest of the passage's. */
export async function openOnnxColbert(
  options: OnnxRerankerOptions,
  context: AdapterContext = {},
): Promise<Reranker> {
  const score = ([maxSim = 0]: Float32Array) => ({ score: maxSim, relevance: null })
  return await openPairs(options, context, { task: 'max_sim', calibrated: false, score })
}

interface PairTask {
  readonly task: 'score' | 'max_sim'
  readonly calibrated: boolean
  readonly score: (answer: Float32Array) => Pick<RerankScore, 'score' | 'relevance'>
}

/** Candidates go to the model a few at a time, best first: those it has not reached at the deadline are left out. */
async function openPairs(
  options: OnnxRerankerOptions,
  context: AdapterContext,
  { task, calibrated, score }: PairTask,
): Promise<Reranker> {
  const settings = onnxRerankerOptions.parse(options)
  const name = settings.model ?? basename(resolve(settings.folder))
  const host = await openModelHost(
    { task, name: `reranker ${name}`, batchItems: settings.batch_pairs },
    settings,
    context,
  )
  return {
    name,
    calibrated,
    rerank: async (query, candidates, { signal }) => {
      const inputs = candidates.map((candidate) => [query, passageOf(candidate)] as const)
      const { values } = await host.run(inputs, { lane: 'query', signal, partial: true })
      const scores = candidates.flatMap(({ id }, place) => {
        const answer = values[place]
        return answer === undefined ? [] : [{ id, ...score(answer) }]
      })
      return { scores, documents: scores.length }
    },
    checkHealth: async (signal) => {
      await host.run([['ok', 'ok']], { lane: 'query', signal })
    },
    close: host.close,
  }
}

function passageOf({ context, text }: RerankCandidate): string {
  return `${context}\n${text}`.trim()
}

function scoreOf(logits: Float32Array): Pick<RerankScore, 'score' | 'relevance'> {
  const [first = 0, second] = logits
  const margin = second === undefined ? first : second - first
  return { score: margin, relevance: 1 / (1 + Math.exp(-margin)) }
}
