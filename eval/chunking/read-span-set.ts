import { join } from 'node:path'
import type { Span } from '../../src/core/model.ts'
import { readBeir } from '../formats/beir.ts'
import { parseObject, requireText } from '../formats/fields.ts'
import { lineFault, readLines } from '../formats/read-lines.ts'
import type { EvalDocument } from '../types.ts'
import type { SpanQuestion } from './evaluate-chunking.ts'
import type { Evidence } from './span-scores.ts'

export interface SpanSet {
  readonly documents: readonly EvalDocument[]
  readonly questions: readonly SpanQuestion[]
}

/**
 * A BEIR folder with spans.jsonl beside: `{"_id": query, "doc": document, "references": [{"start", "end", "content"}]}`, in
 * UTF-16 units of the document's text, whose characters there must be `content`. Held in memory.
 * @throws QuarryError `invalid_request` naming file, line and what would be right
 */
export async function readSpanSet(folder: string, split = 'test'): Promise<SpanSet> {
  const { queries, corpus } = await readBeir(folder, split)
  const documents: EvalDocument[] = []
  for await (const document of corpus()) documents.push(document)
  const texts = new Map(documents.map(({ id, text }) => [id, text]))
  const path = join(folder, 'spans.jsonl')
  const evidence = await readEvidence(path, texts)
  const questions = queries.flatMap((query) => {
    const own = evidence.get(query.id)
    return own === undefined ? [] : [{ ...query, evidence: own }]
  })
  return { documents, questions }
}

async function readEvidence(
  path: string,
  texts: ReadonlyMap<string, string>,
): Promise<ReadonlyMap<string, Evidence>> {
  const evidence = new Map<string, Evidence>()
  for await (const line of readLines(path)) {
    const object = parseObject(path, line)
    const id = requireText(path, line.number, object, '_id')
    const document = requireText(path, line.number, object, 'doc')
    const text = texts.get(document)
    if (text === undefined)
      throw lineFault(path, line.number, `document ${document} is not in the corpus`)
    if (evidence.has(id)) throw lineFault(path, line.number, `query ${id} was there before`)
    const references = object['references']
    if (!Array.isArray(references) || references.length === 0)
      throw lineFault(path, line.number, '"references" must be a list of at least one span')
    const spans = references.map((reference: unknown) => spanOf(path, line.number, reference, text))
    evidence.set(id, { document, spans })
  }
  return evidence
}

function spanOf(path: string, line: number, reference: unknown, text: string): Span {
  const { start, end, content } = (reference ?? {}) as Readonly<Record<string, unknown>>
  const told = typeof start === 'number' && typeof end === 'number' && start < end
  if (!told || text.slice(start, end) !== content)
    throw lineFault(
      path,
      line,
      `what lies from ${String(start)} to ${String(end)} of the document is not the "content" that is given`,
    )
  return { start, end }
}
