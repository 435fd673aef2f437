import { expect, it } from 'vitest'
import type { Api } from '../support/api.ts'

export interface Target {
  /** One caller a query process; with two, every read is asked of both. */
  readonly apis: readonly Api[]
  readonly collection: string
}

const HANDBOOK = `# Harbour handbook

## Mooring

Vessels longer than forty metres moor at the northern quay. The harbour master assigns a berth by radio on channel twelve.

## Fuel

Diesel is sold at the eastern pontoon between six in the morning and ten at night. Petrol is not sold anywhere in the harbour.

## Storms

When the red lantern burns, no vessel may leave. Owners double their lines and take down every awning.
`

const PAGE = `<html><head><title>Ferry timetable</title><script>alert(1)</script></head><body>
<h1>Ferry</h1><p>The ferry to Skarholm leaves at seven, at noon and at half past five.</p>
<table><tr><th>Day</th><th>First boat</th></tr><tr><td>Sunday</td><td>nine</td></tr></table></body></html>`

/** The product's main job as its callers see it, over HTTP alone: the same on every set-up. */
export function mainJob(target: () => Target): void {
  const docs = () => `/v1/collections/${target().collection}/documents`
  const first = (): Api => {
    const [api] = target().apis
    if (api === undefined) throw new Error('no query process')
    return api
  }
  /** Asks every query process, with the write's version so that each waits until it has applied it. */
  const ask = async (query: string, more: object = {}, api?: Api) => {
    const answers = await Promise.all(
      (api === undefined ? target().apis : [api]).map((each) =>
        each.call('POST', '/retrieve', {
          collection: target().collection,
          query,
          top_k: 5,
          budget_ms: 5_000,
          ...more,
        }),
      ),
    )
    const ids = answers.map(({ body }) => body.hits?.map((hit: { id: string }) => hit.id))
    for (const other of ids) expect(other).toEqual(ids[0])
    const [answer] = answers
    if (answer === undefined) throw new Error('no answer')
    return answer
  }
  const put = (id: string, body: unknown, headers?: Record<string, string>) =>
    first().call(
      'PUT',
      `${docs()}/${encodeURIComponent(id)}?wait=indexed&wait_ms=30000`,
      body,
      headers,
    )

  it('makes a collection once', async () => {
    const made = await first().call('PUT', `/v1/collections/${target().collection}`, {})
    expect([200, 201]).toContain(made.status)
    const again = await first().call('PUT', `/v1/collections/${target().collection}`, {})
    expect(again.status).toBe(200)
  })

  it('takes documents of several formats and finds each by what it says', async () => {
    await put('handbook.md', {
      text: HANDBOOK,
      media_type: 'text/markdown',
      metadata: { lang: 'en', year: 2024 },
    })
    await put('ferry.html', PAGE, { 'content-type': 'text/html' })
    await put('prices', {
      text: JSON.stringify({ berth: { metre: 4, currency: 'EUR' } }),
      media_type: 'application/json',
    })
    const last = await put('note.txt', 'The lighthouse keeper is called Inga Lund.', {
      'content-type': 'text/plain',
    })
    expect(last.status).toBe(201)
    const fresh = { min_version: last.body.version }
    const expectations = [
      ['Where can I buy diesel?', 'handbook.md'],
      ['When does the ferry to Skarholm leave?', 'ferry.html'],
      ['Who is the lighthouse keeper?', 'note.txt'],
      ['In which currency is a berth paid?', 'prices'],
    ] as const
    for (const [query, document] of expectations) {
      const { status, body } = await ask(query, fresh)
      expect(status).toBe(200)
      expect(body.degraded).toEqual([])
      expect(body.hits[0].document_id).toBe(document)
    }
  })

  it('answers from each leg alone and explains a fused score by both', async () => {
    for (const mode of ['dense', 'lexical']) {
      const { body } = await ask('diesel pontoon fuel', { mode })
      expect(body.hits[0].document_id).toBe('handbook.md')
    }
    const { body } = await ask('diesel pontoon fuel', { explain: true, rerank: null })
    const { dense, lexical } = body.hits[0].explain
    expect(body.hits[0].score).toBeCloseTo(dense.contribution + lexical.contribution, 10)
  })

  it('gives exact spans and the heading path', async () => {
    const { body } = await ask('red lantern awning')
    const [hit] = body.hits
    expect(HANDBOOK.slice(hit.span.start, hit.span.end)).toBe(hit.text)
    expect(hit.headings).toContain('Storms')
  })

  it('filters before it counts to k', async () => {
    const english = { filter: { must: [{ field: 'lang', op: 'eq', value: 'en' }] } }
    const { body } = await ask('ferry boat harbour', english)
    expect(body.hits.length).toBeGreaterThan(0)
    expect(new Set(body.hits.map((hit: { document_id: string }) => hit.document_id))).toEqual(
      new Set(['handbook.md']),
    )
    const none = await ask('ferry boat harbour', {
      filter: { must: [{ field: 'year', op: 'gt', value: 2024 }] },
    })
    expect(none.body.hits).toEqual([])
  })

  it('leaves out what is hardly relevant, where it is told how much that is', async () => {
    const all = await ask('Where can I buy diesel?')
    const { body } = await ask('Where can I buy diesel?', { min_relevance: 0.2 })
    expect(body.hits.length).toBeGreaterThan(0)
    expect(body.hits.length).toBeLessThan(all.body.hits.length)
    expect(body.hits[0]).toMatchObject({ document_id: 'handbook.md' })
    for (const { relevance } of body.hits) expect(relevance).toBeGreaterThanOrEqual(0.2)
    const elsewhere = await ask('quarterly revenue of an insurance company', { min_relevance: 0.2 })
    expect(elsewhere.body.hits).toEqual([])
  })

  it('finishes a prompt within its tokens, with citations', async () => {
    const { body } = await ask('When does the ferry leave?', {
      prompt: { format: 'openai', max_tokens: 600 },
    })
    expect(body.prompt.tokens).toBeLessThanOrEqual(600)
    expect(JSON.stringify(body.prompt.messages)).toContain('Skarholm')
    expect(body.prompt.citations.length).toBeGreaterThan(0)
  })

  it('does nothing for the same document again, and replaces a changed one without ghosts', async () => {
    const same = await put('note.txt', 'The lighthouse keeper is called Inga Lund.', {
      'content-type': 'text/plain',
    })
    expect(same.body.outcome).toBe('unchanged')
    const changed = await put('note.txt', 'The lighthouse keeper is called Per Holm.', {
      'content-type': 'text/plain',
    })
    const { body } = await ask('Who is the lighthouse keeper?', {
      min_version: changed.body.version,
    })
    const texts = body.hits
      .filter((hit: { document_id: string }) => hit.document_id === 'note.txt')
      .map((hit: { text: string }) => hit.text)
    expect(texts).toEqual(['The lighthouse keeper is called Per Holm.'])
  })

  it('refuses a write that believes in another revision', async () => {
    const got = await first().call('GET', `${docs()}/note.txt`)
    const stale = await put(
      'note.txt',
      { text: 'x', media_type: 'text/plain' },
      { 'if-match': '"1"' },
    )
    expect([409, 412]).toContain(stale.status)
    const still = await first().call('GET', `${docs()}/note.txt`)
    expect(still.body.revision).toBe(got.body.revision)
  })

  it('shows another tenant nothing and calls its documents missing', async () => {
    const stranger = first().as('stranger')
    const { body } = await ask('lighthouse keeper diesel ferry', {}, stranger)
    expect(body.hits).toEqual([])
    const theirs = await stranger.call('GET', `${docs()}/note.txt`)
    const nobodys = await stranger.call('GET', `${docs()}/nothing.txt`)
    expect(theirs.status).toBe(404)
    expect(nobodys.status).toBe(404)
  })

  it('deletes for good', async () => {
    const gone = await first().call('DELETE', `${docs()}/note.txt`)
    expect(gone.status).toBe(200)
    const { body } = await ask('Who is the lighthouse keeper?', { min_version: gone.body.version })
    expect(body.degraded).toEqual([])
    expect(
      body.hits.filter((hit: { document_id: string }) => hit.document_id === 'note.txt'),
    ).toEqual([])
    expect((await first().call('GET', `${docs()}/note.txt`)).status).toBe(404)
  })

  it('takes a batch, reports the job and says why a document failed', async () => {
    const batch = await first().call('POST', `${docs()}:batch`, {
      documents: [
        { id: 'b1', text: 'Gulls nest under the crane.', media_type: 'text/plain' },
        {
          id: 'b2',
          content_base64: Buffer.from('%PDF-1.4 broken').toString('base64'),
          media_type: 'application/pdf',
        },
      ],
    })
    expect(batch.status).toBe(202)
    const job = await settledJob(first(), batch.body.job_id)
    expect(job.counts).toMatchObject({ total: 2, done: 1, dead: 1, waiting: 0 })
    expect(job.failures[0]).toMatchObject({ document: 'b2' })
    const failed = await first().call('GET', `${docs()}/b2`)
    expect(failed.body.state).toBe('failed')
    expect(failed.body.reason).toMatch(/PDF/i)
  })

  it('keeps what a key may not do from it', async () => {
    const made = await first().call('POST', '/v1/keys', {
      name: 'reader',
      scopes: ['retrieve'],
      tenant: 'acme',
    })
    expect(made.status).toBe(201)
    const reader = first().withKey(made.body.key)
    expect((await ask('ferry', {}, reader)).status).toBe(200)
    expect((await reader.call('DELETE', `${docs()}/ferry.html`)).status).toBe(403)
    expect(
      (
        await reader
          .as('stranger')
          .call('POST', '/retrieve', { collection: target().collection, query: 'ferry' })
      ).status,
    ).toBe(403)
  })
}

// biome-ignore lint/suspicious/noExplicitAny: answers of the API are looked into part by part
async function settledJob(api: Api, id: string): Promise<any> {
  for (let tries = 0; tries < 300; tries++) {
    const { body } = await api.call('GET', `/v1/jobs/${id}`)
    if (body.counts.waiting === 0) return body
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
  throw new Error(`job ${id} did not settle`)
}
