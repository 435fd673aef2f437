import { describe, expect, it } from 'vitest'
import { openLexical } from '../../adapters/rerankers/lexical.ts'
import { openAnalyzer } from '../../src/core/analysis/open-analyzer.ts'
import type { LexicalStatistics } from '../../src/core/lexical-index.ts'
import type { ChunkId, TenantId } from '../../src/core/model.ts'
import type { RerankCall, RerankCandidate } from '../../src/core/reranker.ts'
import type { AnalyzerName } from '../../src/core/vector-store.ts'

const call: RerankCall = {
  tenant: 'acme' as TenantId,
  signal: new AbortController().signal,
  statistics: null,
  denseShare: 0,
}

function candidate(id: string, text: string, changes: Partial<RerankCandidate> = {}) {
  return { id: id as ChunkId, text, context: '', fusedScore: 1, denseScore: null, ...changes }
}

function statisticsOf(
  analyzer: AnalyzerName,
  frequencies: Readonly<Record<string, number>>,
): LexicalStatistics {
  return {
    chunkCount: 1_000,
    documentFrequency: (term) => frequencies[term] ?? 10,
    analyze: openAnalyzer(analyzer).terms,
  }
}

async function scored(
  query: string,
  candidates: readonly RerankCandidate[],
  changes: Partial<RerankCall> = {},
) {
  return (await openLexical().rerank(query, candidates, { ...call, ...changes })).scores
}

async function order(
  query: string,
  candidates: readonly RerankCandidate[],
  changes: Partial<RerankCall> = {},
): Promise<string[]> {
  const scores = await scored(query, candidates, changes)
  return [...scores].sort((a, b) => b.score - a.score).map(({ id }) => id)
}

const filler = (from: number) => Array.from({ length: 20 }, (_, n) => `filler${from + n}`).join(' ')

describe('what the order follows', () => {
  it('is how much of the query a passage holds, and how near together', async () => {
    const candidates = [
      candidate('one word', `gateway ${filler(0)} ${filler(20)} more`),
      candidate('apart', `gateway ${filler(0)} timeout ${filler(20)}`),
      candidate('together', `${filler(0)} the timeout gateway ${filler(20)}`),
      candidate('in order', `${filler(0)} the gateway timeout ${filler(20)}`),
    ]
    expect(await order('gateway timeout', candidates)).toEqual([
      'in order',
      'together',
      'apart',
      'one word',
    ])
  })

  it('is the rarity of a word for the tenant', async () => {
    const statistics = statisticsOf('unicode', { error: 900, e1042: 1 })
    const candidates = [candidate('common', 'an error'), candidate('rare', 'the E1042')]
    expect(await order('error E1042', candidates, { statistics })).toEqual(['rare', 'common'])
  })

  it('is a hit in title or headings rather than one in the text', async () => {
    const candidates = [
      candidate('in text', 'billing for refunds', { context: 'Handbook' }),
      candidate('in title', 'handbook for billing', { context: 'Refunds' }),
    ]
    expect(await order('refunds', candidates)).toEqual(['in title', 'in text'])
  })

  it('is the fused order where the words make no difference', async () => {
    const candidates = [0.03, 0.02, 0.01].map((fusedScore, n) =>
      candidate(`c${n}`, 'the same', { fusedScore }),
    )
    expect(await order('other words', candidates)).toEqual(['c0', 'c1', 'c2'])
    expect(await order('other words', candidates.toReversed())).toEqual(['c0', 'c1', 'c2'])
  })

  it('is the dense leg’s score as far as fusion trusts that leg', async () => {
    const candidates = [
      candidate('in words', 'a refund takes ten days', { fusedScore: 0.03, denseScore: 0.1 }),
      candidate('in sense', 'money is back in a week', { fusedScore: 0.03, denseScore: 0.9 }),
      candidate('neither', 'the office is closed', { fusedScore: 0.02, denseScore: 0.2 }),
    ]
    const query = 'days until return'
    expect((await order(query, candidates, { denseShare: 0 }))[0]).toBe('in words')
    const without = await scored(query, candidates, { denseShare: 0 })
    const trusted = await scored(query, candidates, { denseShare: 1 })
    const gain = trusted.map(({ score }, at) => score - (without[at]?.score ?? 0))
    expect(gain[1]).toBeGreaterThan(1)
    expect(gain[1]).toBeGreaterThan(gain[2] ?? 0)
    expect(gain[0]).toBe(0)
  })

  it('does not put what only the dense leg found below what says nothing of the query', async () => {
    const candidates = [
      candidate('lexical', 'days of rain', { fusedScore: 0.02 }),
      candidate('dense only', 'a refund takes ten days', { fusedScore: 0.02, denseScore: 0.8 }),
    ]
    const top = await order('how many days does a refund take', candidates, { denseShare: 0.5 })
    expect(top).toEqual(['dense only', 'lexical'])
  })
})

describe('other scripts', () => {
  it.each([
    ['Chinese', '退款需要几天', '退款大约需要十天', '办公室今天不开门'],
    ['Thai', 'คืนเงินกี่วัน', 'การคืนเงินใช้เวลาสิบวัน', 'สำนักงานปิดทำการ'],
    [
      'Arabic',
      'كم يوما يستغرق استرداد المال',
      'يستغرق استرداد المال عشرة أيام',
      'المكتب مغلق اليوم',
    ],
    ['Hindi', 'धनवापसी में कितने दिन', 'धनवापसी में दस दिन लगते हैं', 'कार्यालय आज बंद है'],
  ])('%s is read with the statistics and without', async (_language, query, answer, other) => {
    const candidates = [candidate('other', other), candidate('answer', answer)]
    const statistics = statisticsOf('unicode', {})
    for (const given of [statistics, null])
      expect(await order(query, candidates, { statistics: given })).toEqual(['answer', 'other'])
  })

  it('parts the words of identifiers in code', async () => {
    const candidates = [
      candidate('other', 'def writeBoolean(self, n)'),
      candidate('answer', 'def read_user_profile(self)'),
    ]
    const statistics = statisticsOf('code', {})
    expect(await order('user profile', candidates, { statistics })).toEqual(['answer', 'other'])
  })
})

describe('relevance', () => {
  const relevanceOf = async (query: string, texts: readonly string[]) => {
    const candidates = texts.map((text, i) => candidate(`c${i}`, text))
    return (await scored(query, candidates)).map(({ relevance }) => relevance ?? -1)
  }
  const OTHERS = ['bananas are yellow', 'gulls cry over the harbour', 'the net is torn']

  it('is a probability, highest for what says what is asked', async () => {
    expect(openLexical().calibrated).toBe(true)
    const found = await relevanceOf('where is diesel sold', ['diesel is sold here', ...OTHERS])
    for (const relevance of found) {
      expect(relevance).toBeGreaterThan(0)
      expect(relevance).toBeLessThan(1)
    }
    expect(found.indexOf(Math.max(...found))).toBe(0)
  })

  it('is low for all where nothing says it, though one must stand first', async () => {
    const [answer = 0] = await relevanceOf('where is diesel sold', [
      'diesel is sold here',
      ...OTHERS,
    ])
    const found = await relevanceOf('quarterly revenue of the company', OTHERS)
    expect(Math.max(...found)).toBeLessThan(answer / 3)
  })

  it('falls where another passage says the same', async () => {
    const [alone = 0] = await relevanceOf('where is diesel sold', [
      'diesel is sold here',
      ...OTHERS,
    ])
    const twice = ['diesel is sold here', 'diesel is sold there', ...OTHERS]
    const [shared = 1] = await relevanceOf('where is diesel sold', twice)
    expect(shared).toBeLessThan(alone)
  })
})

describe('what it is given', () => {
  it.each(['', '!!!', 'word', 'word word', 'a'.repeat(10_000), 'w '.repeat(5_000)])(
    'may be any query (%#)',
    async (query) => {
      const candidates = [candidate('a', 'word'), candidate('b', ''), candidate('c', '!!! …')]
      const found = await scored(query, candidates)
      expect(found).toHaveLength(3)
      for (const { score } of found) expect(Number.isFinite(score)).toBe(true)
    },
  )

  it('may be no candidates', async () => {
    expect(await openLexical().rerank('q', [], call)).toEqual({ scores: [], documents: 0 })
  })
})

describe('the deadline', () => {
  const text = Array.from({ length: 20_000 }, (_, n) => `word${n}`).join(' ')
  const candidates = Array.from({ length: 60 }, (_, n) => candidate(`c${n}`, `${text} end${n}`))

  it('leaves out the last candidates and orders the first', async () => {
    const controller = new AbortController()
    const { terms } = openAnalyzer('unicode')
    const statistics: LexicalStatistics = {
      ...statisticsOf('unicode', {}),
      analyze: (run) => {
        if (run === 'end2') controller.abort()
        return terms(run)
      },
    }
    const given = { ...call, statistics, signal: controller.signal }
    const { scores, documents } = await openLexical().rerank('word1 word2', candidates, given)
    expect(scores.map(({ id }) => id)).toEqual(['c0', 'c1'])
    expect(documents).toBe(2)
  })

  it('finds the event loop free between slices of work', async () => {
    let turns = 0
    const timer = setInterval(() => {
      turns += 1
    }, 1)
    await openLexical().rerank('word1 word2', candidates.slice(0, 20), call)
    clearInterval(timer)
    expect(turns).toBeGreaterThan(2)
  })
})
