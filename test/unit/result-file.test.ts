import { expect, it } from 'vitest'
import type { FinishedEval } from '../../src/evals/read-eval.ts'
import { streamResult } from '../../src/http/result-file.ts'

const summary = { name: 'q"1' } as FinishedEval['summary']
const query = (id: string) => ({ id, text: `${id}?` })

async function* pagesOf(...pages: readonly (readonly object[] | Error)[]) {
  for (const page of pages) {
    if (page instanceof Error) throw page
    yield page as never
  }
}

async function textOf(stream: ReadableStream<Uint8Array>): Promise<string> {
  return new Response(stream).text()
}

it.each([
  [[], []],
  [[[]], []],
  [[[query('a')]], [query('a')]],
  [
    [[query('a'), query('b')], [query('c')], []],
    [query('a'), query('b'), query('c')],
  ],
])('is one JSON text, whatever pages its queries come in', async (pages, queries) => {
  const file = await textOf(streamResult({ summary, pages: () => pagesOf(...pages) }))
  expect(JSON.parse(file)).toEqual({ ...summary, queries })
})

it('breaks off where a page fails, so that half is not taken for all', async () => {
  const pages = () => pagesOf([query('a')], new Error('gone'))
  await expect(textOf(streamResult({ summary, pages }))).rejects.toThrow('gone')
})
