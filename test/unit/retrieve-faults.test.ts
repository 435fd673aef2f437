import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { QuarryError } from '../../src/core/errors.ts'
import type { RetrieveRequest } from '../../src/retrieve/request.ts'
import { retrieve } from '../../src/retrieve/retrieve.ts'
import { inFakeTime } from '../support/fake-time.ts'
import { failing, hanging } from '../support/faults.ts'
import { depsOf, type Ports, ports, request, reversing } from '../support/retrieval.ts'

type Part = 'embed' | 'dense' | 'lexical' | 'rerank' | 'read' | 'expand' | 'assemble'
type Fault = 'hang' | 'retryable' | 'refusal' | 'bug' | 'caller abort'

/** Hits and the one degradation, or the code or text of the error. */
type Outcome =
  | { readonly hits: string; readonly reason: string; readonly fallback: string }
  | { readonly error: string }

const surfaces = (error: string): Outcome => ({ error })
const gives = (hits: string, fallback: string) => (reason: string) => ({ hits, reason, fallback })

const without: Record<Part, (reason: string) => Outcome> = {
  embed: gives('cb', 'lexical_only'),
  dense: gives('cb', 'lexical_only'),
  lexical: gives('ba', 'dense_only'),
  rerank: gives('bac', 'fused_order'),
  // An answer has text or is none.
  read: (reason) => surfaces(reason === 'deadline' ? 'deadline_exceeded' : reason),
  expand: gives('cab', 'unexpanded'),
  assemble: gives('cab', 'no_prompt'),
}

/** The same for every part: what an upstream may do costs only that part; anything else is an error. */
const outcomes: Record<Fault, (part: Part) => Outcome> = {
  hang: (part) => without[part]('deadline'),
  retryable: (part) => without[part]('upstream_failed'),
  refusal: () => surfaces('unsupported'),
  bug: () => surfaces('x is not a function'),
  'caller abort': () => surfaces('the caller went away'),
}

const faults: Record<Fault, () => Promise<never>> = {
  hang: hanging,
  retryable: failing(new QuarryError('upstream_failed', 'it is down')),
  refusal: failing(new QuarryError('unsupported', 'no such filter')),
  bug: failing(new TypeError('x is not a function')),
  'caller abort': hanging,
}

function withFault(part: Part, fault: () => Promise<never>): Ports {
  const working = { ...ports, reranker: reversing() }
  switch (part) {
    case 'embed':
    case 'dense':
    case 'lexical':
      return { ...working, [part]: fault }
    case 'rerank':
      return { ...working, reranker: { ...reversing(), rerank: fault } }
    case 'read':
      return { ...working, chunks: { ...ports.chunks, readChunks: fault } }
    case 'expand':
      return { ...working, chunks: { ...ports.chunks, readNeighbours: fault } }
    case 'assemble':
      return { ...working, deps: { assemble: fault } }
  }
}

async function outcomeOf(part: Part, fault: Fault): Promise<Outcome> {
  const caller = new AbortController()
  const asked: Partial<RetrieveRequest> = {
    budgetMs: 120,
    signal: caller.signal,
    expand: { before: 1, after: 1 },
    prompt: { template: 'default', format: 'text', maxTokens: 9, pinned: [], order: 'relevance' },
  }
  const answer = retrieve(request(asked), depsOf(withFault(part, faults[fault])))
  if (fault === 'caller abort')
    setTimeout(() => caller.abort(new Error('the caller went away')), 20)
  try {
    const { hits, degraded, prompt } = await inFakeTime(answer)
    expect(degraded).toHaveLength(1)
    expect(degraded[0]?.stage).toBe(part)
    expect(prompt === null).toBe(part === 'assemble')
    const { reason, fallback } = degraded[0] ?? { reason: 'none', fallback: 'none' }
    return { hits: hits.map(({ id }) => id).join(''), reason, fallback }
  } catch (cause) {
    if (cause instanceof QuarryError) return { error: cause.code }
    if (cause instanceof Error && cause.name !== 'AssertionError') return { error: cause.message }
    throw cause
  }
}

beforeEach(() => {
  vi.useFakeTimers()
})
afterEach(() => {
  vi.useRealTimers()
})

describe('every part, every fault', () => {
  const parts = Object.keys(without) as Part[]
  const kinds = Object.keys(outcomes) as Fault[]
  const cells = parts.flatMap((part) => kinds.map((fault) => ({ part, fault })))
  it.each(cells)('$part: $fault', async ({ part, fault }) => {
    expect(await outcomeOf(part, fault)).toEqual(outcomes[fault](part))
  })
})
