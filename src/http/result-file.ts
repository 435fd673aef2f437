import type { FinishedEval } from '../evals/read-eval.ts'

/** A result as one JSON text, a page of its queries in memory at a time. A failure breaks the stream. */
export function streamResult(result: FinishedEval): ReadableStream<Uint8Array> {
  return ReadableStream.from(partsOf(result)).pipeThrough(new TextEncoderStream())
}

async function* partsOf({ summary, pages }: FinishedEval): AsyncGenerator<string> {
  let comma = ''
  yield `${JSON.stringify(summary).slice(0, -1)},"queries":[`
  for await (const page of pages()) {
    if (page.length === 0) continue
    yield comma + page.map((query) => JSON.stringify(query)).join(',')
    comma = ','
  }
  yield ']}'
}
