import { basename, extname } from 'node:path'
import type { Dataset, Qrels } from '../types.ts'
import { parseGrade } from './fields.ts'
import { JudgmentsOf, noCorpus, requireQueries } from './judgments.ts'
import { lineFault, readLines } from './read-lines.ts'
import { readTrecTopics } from './trec-topics.ts'

/**
 * Topics and judgments as TREC hands them out; the documents are in the collection that is asked. Topics without judgments
 * are left out.
 * @throws QuarryError `invalid_request` naming file, line and what would be right
 */
export async function readTrec(topics: string, qrels: string): Promise<Dataset> {
  const judged = await readTrecQrels(qrels)
  const queries = (await readTrecTopics(topics)).filter(({ id }) => judged.has(id))
  requireQueries(topics, queries, judged)
  return { name: basename(topics, extname(topics)), queries, qrels: judged, corpus: noCorpus }
}

/** `query iteration document grade`, apart by white space; the iteration is not looked at. */
export async function readTrecQrels(path: string): Promise<Qrels> {
  const judged = new JudgmentsOf(path)
  for await (const { text, number } of readLines(path)) {
    const columns = text.trim().split(/\s+/)
    const [query = '', , document = '', grade] = columns
    if (columns.length !== 4)
      throw lineFault(
        path,
        number,
        `has ${columns.length} columns; qrels have four: query, iteration, document, grade`,
      )
    judged.add(number, query, document, parseGrade(path, number, grade))
  }
  return judged.qrels
}
