import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openPassagesTarget } from '../../bin/eval/open-target.ts'
import { type Evaluation, evaluate, runOf } from '../../eval/evaluate.ts'
import type { Target } from '../../eval/target.ts'
import type { Dataset } from '../../eval/types.ts'
import { loadConfig } from '../../src/config/load.ts'
import type { ChunkId } from '../../src/core/model.ts'
import { fuse } from '../../src/retrieve/fuse.ts'
import { adapterSchemas } from '../../src/service.ts'

const words =
  'anchor berth crane diesel eastern ferry gull harbour island jetty keel lantern'.split(' ')
/** Each document names three words; the query for two of them is right about the document that has both. */
const documents = Array.from({ length: 120 }, (_, at) => ({
  id: `doc ${at}`,
  title: `Note ${at} on the ${words[at % 12]}`,
  text: `The ${words[(at * 5) % 12]} by the ${words[(at * 7 + 3) % 12]}, number ${at}.`,
}))
const dataset: Dataset = {
  name: 'harbour',
  queries: [10, 33, 57, 80, 111].map((at) => ({
    id: `q${at}`,
    text: `${words[at % 12]} note number ${at}`,
  })),
  qrels: new Map([10, 33, 57, 80, 111].map((at) => [`q${at}`, new Map([[`doc ${at}`, 1]])])),
  corpus: async function* () {
    yield* documents
  },
}

const weights = { dense: 0.7, lexical: 1 }
let target: Target
let close: () => Promise<void>
let evaluation: Evaluation

beforeAll(async () => {
  const config = await loadConfig(adapterSchemas, {
    flags: { embedders: { hashed: { adapter: 'hashed' } } },
  })
  const opened = await openPassagesTarget(dataset, config, {
    policy: { fusion: { weights }, rerank: { model: null } },
    budgetMs: 10_000,
    withDense: true,
    withExact: true,
    signal: new AbortController().signal,
  })
  target = opened.target
  close = opened.close
  evaluation = await evaluate(dataset, target, { depth: 100, neighbours: 10 })
})
afterAll(() => close())

describe('passages in a temporary engine', () => {
  it('are asked through the service’s own retrieval at every stage', () => {
    expect([...evaluation.stages.keys()]).toEqual(['dense', 'lexical', 'fused', 'reranked'])
    expect(evaluation.target.settings).toMatchObject({ documents: 120 })
    for (const [stage, answers] of evaluation.stages)
      for (const { id } of dataset.queries) {
        expect(answers.get(id)?.degraded, stage).toEqual([])
        expect(answers.get(id)?.documents[0]?.id, `${stage} ${id}`).toBe(`doc ${id.slice(1)}`)
      }
  })

  it('keep each leg’s candidates, from which any fusion is made without searching again', () => {
    const candidatesOf = (stage: 'dense' | 'lexical', id: string) =>
      (evaluation.stages.get(stage)?.get(id)?.hits ?? []).map(({ chunk, score }) => ({
        id: chunk as ChunkId,
        score,
      }))
    for (const { id } of dataset.queries) {
      const [dense, lexical] = [candidatesOf('dense', id), candidatesOf('lexical', id)]
      const lists = { dense, lexical, depth: 100 }
      expect(lists.dense.length).toBeGreaterThan(40)
      const again = fuse(lists, { method: 'convex', k: 60, weights })
      const asked = evaluation.stages.get('fused')?.get(id)?.hits ?? []
      expect(asked.slice(0, 10).map(({ chunk }) => chunk)).toEqual(
        again.slice(0, 10).map((candidate) => candidate.id),
      )
    }
  })

  it('are compared with exact search over the same vectors', () => {
    expect(evaluation.neighbours.size).toBe(5)
    for (const { found, exact } of evaluation.neighbours.values()) {
      expect(exact).toHaveLength(10)
      expect(found.map(({ id }) => id)).toEqual(exact.map(({ id }) => id))
    }
  })

  it('say so when a leg is not there', async () => {
    const config = await loadConfig(adapterSchemas, {})
    const lexical = await openPassagesTarget(dataset, config, {
      policy: {},
      budgetMs: 10_000,
      withDense: false,
      withExact: true,
      signal: new AbortController().signal,
    })
    try {
      const { stages, missing } = await evaluate(dataset, lexical.target, {
        depth: 10,
        neighbours: 10,
        stages: ['dense', 'lexical'],
      })
      expect(missing.get('dense')).toMatch(/has no dense part/)
      expect(runOf(stages.get('lexical') ?? new Map()).get('q10')?.[0]?.id).toBe('doc 10')
    } finally {
      await lexical.close()
    }
  })
})
