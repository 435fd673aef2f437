import type { Chunking, CutChunk } from '../../eval/suite/score-chunker.ts'
import type { EvalDocument } from '../../eval/types.ts'
import { openParser, type ParserLimits } from '../../src/ingest/parse/parse-document.ts'

/** Plain text into chunks by the service's own parser and chunker, in its child processes. */
export async function cutDocuments(
  documents: readonly EvalDocument[],
  chunking: Chunking,
  limits: ParserLimits,
  signal: AbortSignal,
): Promise<readonly CutChunk[]> {
  const parser = openParser(limits)
  try {
    const cut: CutChunk[] = []
    for (const { id: document, title, text } of documents) {
      const parsed = await parser.parse(
        {
          content: Buffer.from(text),
          mediaType: 'text/plain',
          title: title === '' ? null : title,
          chunker: chunking,
        },
        signal,
      )
      for (const { ordinal, span, context, text: passage } of parsed.chunks)
        cut.push({ id: `${document}#${ordinal}`, document, ...span, context, text: passage })
    }
    return cut
  } finally {
    parser.close()
  }
}
