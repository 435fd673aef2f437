import { describe, expect, it } from 'vitest'
import { runOf } from '../../eval/evaluate.ts'
import { latencyOf } from '../../eval/latency.ts'
import { attributeLosses } from '../../eval/losses.ts'
import { neighbourRecall } from '../../eval/neighbour-recall.ts'
import type { Question } from '../../eval/target.ts'
import { QuarryError } from '../../src/core/errors.ts'
import { answerOf, datasetOf, evaluated, targetOf } from '../support/evaluations.ts'

describe('evaluate', () => {
  it('asks the whole request before its parts, so that no cache makes it look quick', async () => {
    const asked: Question[] = []
    const target = targetOf(
      {},
      {
        ask: async (question) => {
          asked.push(question)
          return answerOf('a')
        },
      },
    )
    await evaluated(datasetOf({ q1: 'a' }), target, { depth: 7 })
    expect(asked.map(({ stage }) => stage)).toEqual(['reranked', 'fused', 'lexical', 'dense'])
    expect(asked.every(({ depth, query }) => depth === 7 && query === 'text of q1')).toBe(true)
  })

  it('ranks documents by their best chunk and keeps the chunks', async () => {
    const { stages } = await evaluated(
      datasetOf({ q1: 'a' }),
      targetOf({ dense: () => 'b a2 a b2' }),
      { stages: ['dense'] },
    )
    const dense = stages.get('dense')
    expect(runOf(dense ?? new Map()).get('q1')).toEqual([
      { id: 'b', score: 10 },
      { id: 'a', score: 9 },
    ])
    expect(dense?.get('q1')?.hits.map(({ chunk }) => chunk)).toEqual(['b', 'a2', 'a', 'b2'])
  })

  it('leaves out queries without anything relevant, and refuses a set of nothing else', async () => {
    const dataset = datasetOf({ q1: 'a', q2: 'b' })
    const qrels = new Map([...dataset.qrels, ['q2', new Map([['b', 0]])]])
    const evaluation = await evaluated({ ...dataset, qrels }, targetOf({}))
    expect(evaluation.dataset.queries.map(({ id }) => id)).toEqual(['q1'])
    const none = evaluated({ ...dataset, qrels: new Map() }, targetOf({}))
    await expect(none).rejects.toMatchObject({ code: 'invalid_request' })
  })

  it('names a stage that the target does not have, and goes on with the others', async () => {
    const target = targetOf({})
    const { stages, missing } = await evaluated(datasetOf({ q1: 'a', q2: 'b' }), {
      ...target,
      ask: async (question, signal) => {
        if (question.stage !== 'dense') return target.ask(question, signal)
        throw new QuarryError('unsupported', 'the index has no dense part')
      },
    })
    expect([...stages.keys()]).toEqual(['lexical', 'fused', 'reranked'])
    expect(missing.get('dense')).toBe('the index has no dense part')
  })

  it('counts a failure that may pass, and gives up on a target that never answers', async () => {
    let calls = 0
    const late = () => {
      calls += 1
      throw new QuarryError('deadline_exceeded', 'too late')
    }
    const dataset = datasetOf({ q1: 'a', q2: 'b', q3: 'c' })
    const { stages } = await evaluated(
      dataset,
      targetOf({ dense: (query) => (query.endsWith('q2') ? late() : 'a') }),
    )
    expect(stages.get('dense')?.get('q2')?.failure).toBe('deadline_exceeded: too late')
    expect(stages.get('dense')?.get('q3')?.failure).toBeNull()
    calls = 0
    const dead = targetOf({ dense: late, lexical: late, fused: late, reranked: late })
    await expect(evaluated(dataset, dead)).rejects.toMatchObject({ code: 'deadline_exceeded' })
    expect(calls).toBe(5)
  })

  it('lets a bug and a wrong request surface, and stops when it is told to', async () => {
    const throwing = (error: Error) =>
      targetOf({
        dense: () => {
          throw error
        },
      })
    const dataset = datasetOf({ q1: 'a' })
    await expect(evaluated(dataset, throwing(new TypeError('bug')))).rejects.toThrow('bug')
    const refused = throwing(new QuarryError('not_found', 'no such collection'))
    await expect(evaluated(dataset, refused)).rejects.toMatchObject({ code: 'not_found' })
    const stopped = AbortSignal.abort(new Error('stopped'))
    await expect(evaluated(dataset, targetOf({}), { signal: stopped })).rejects.toThrow('stopped')
  })
})

describe('losses', () => {
  const losses = async (answers: Record<'dense' | 'lexical' | 'fused' | 'reranked', string>) => {
    const { dense, lexical, fused, reranked } = answers
    const evaluation = await evaluated(
      datasetOf({ q1: 'a b c d e' }),
      targetOf({
        dense: () => dense,
        lexical: () => lexical,
        fused: () => fused,
        reranked: () => reranked,
      }),
    )
    return attributeLosses(evaluation, 2)
  }

  it('puts each relevant document down to the stage that lost it', async () => {
    const found = await losses({
      dense: 'a b f c',
      lexical: 'g a',
      fused: 'a g b c f',
      reranked: 'g f a b c',
    })
    // a left at reranking, b at fusion, c never came near the top, d and e were proposed by nobody.
    expect(found?.counts).toEqual({ kept: 0, search: 2, ranking: 1, fusion: 1, rerank: 1 })
    expect(found?.lost.get('q1')?.find(({ document }) => document === 'b')?.fate).toBe('fusion')
    expect(found?.candidateRecall).toBeCloseTo(3 / 5)
  })

  it('counts what a stage lifted to where no leg had it', async () => {
    const found = await losses({
      dense: 'f g a',
      lexical: 'h f a b',
      fused: 'f a b',
      reranked: 'a b f',
    })
    expect(found?.lifted).toEqual({ fusion: 1, rerank: 1 })
    expect(found?.counts.kept).toBe(2)
  })

  it('looks at no query that was not answered in full', async () => {
    const degraded = [{ stage: 'rerank', reason: 'deadline' }]
    const evaluation = await evaluated(
      datasetOf({ q1: 'a' }),
      targetOf({ reranked: () => answerOf('', { degraded }) }),
    )
    expect(attributeLosses(evaluation, 2)).toBeNull()
  })
})

describe('latency', () => {
  it('is by nearest rank over whole answers that no cache gave', async () => {
    let served = 0
    const dataset = datasetOf(
      Object.fromEntries(Array.from({ length: 102 }, (_, at) => [`q${at}`, 'a'])),
    )
    const { stages } = await evaluated(
      dataset,
      targetOf({
        dense: () => {
          served += 1
          if (served === 101) return answerOf('a', { latencyMs: 9_000, cached: true })
          const degraded = served === 102 ? [{ stage: 'embed', reason: 'deadline' }] : []
          return answerOf('a', { latencyMs: served, timingsMs: { embed: served * 2 }, degraded })
        },
      }),
      { stages: ['dense'] },
    )
    expect(latencyOf(stages.get('dense')?.values() ?? [])).toEqual({
      answers: 100,
      p50: 50,
      p95: 95,
      p99: 99,
      parts: { embed: 100 },
    })
  })
})

describe('recall of the index', () => {
  const list = (scores: Record<string, number>) =>
    Object.entries(scores).map(([id, score]) => ({ id, score }))

  it('takes what ties with the k-th for found, and nothing below it', () => {
    const exact = list({ a: 0.9, b: 0.8, c: 0.8 })
    expect(neighbourRecall([{ found: list({ a: 0.9, c: 0.8 }), exact }], 2)).toBe(1)
    expect(neighbourRecall([{ found: list({ a: 0.9, d: 0.7 }), exact }], 2)).toBe(0.5)
    expect(neighbourRecall([], 2)).toBeNull()
  })
})
