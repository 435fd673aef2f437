import type { FinishedEval } from '../evals/read-eval.ts'

/** A result as one JSON text, a page of its queries in memory at a time. A failure breaks the stream. */
export function streamResult({ summary, pages }: FinishedEval): ReadableStream<Uint8Array> {
  const encoder = new TextEncoder()
  const parts = partsOf(JSON.stringify(summary), pages())
  return new ReadableStream({
    pull: async (controller) => {
      const { value, done } = await parts.next()
      if (done === true) controller.close()
      else controller.enqueue(encoder.encode(value))
    },
    cancel: async () => {
      await parts.return(undefined)
    },
  })
}

async function* partsOf(
  summary: string,
  pages: AsyncGenerator<readonly object[]>,
): AsyncGenerator<string, undefined> {
  let comma = ''
  yield `${summary.slice(0, -1)},"queries":[`
  for await (const page of pages) {
    if (page.length === 0) continue
    yield comma + page.map((query) => JSON.stringify(query)).join(',')
    comma = ','
  }
  yield ']}'
  return undefined
}
