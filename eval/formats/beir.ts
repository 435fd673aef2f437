import { basename, join, resolve } from 'node:path'
import type { Dataset, EvalDocument, EvalQuery, Qrels } from '../types.ts'
import { parseGrade, parseObject, requireText } from './fields.ts'
import { JudgmentsOf, QueriesOf, requireQueries } from './judgments.ts'
import { lineFault, readLines, refuseAbove } from './read-lines.ts'

const HEADER = ['query-id', 'corpus-id', 'score']

/**
 * A folder as BEIR distributes its sets (Thakur et al. 2021): corpus.jsonl, queries.jsonl, qrels/<split>.tsv. Queries without
 * judgments in the split are left out, as other splits' are in the same file.
 * @throws QuarryError `invalid_request` naming file, line and what would be right; for the corpus when it is read
 */
export async function readBeir(folder: string, split = 'test'): Promise<Dataset> {
  const qrels = await readBeirQrels(join(folder, 'qrels', `${split}.tsv`))
  const path = join(folder, 'queries.jsonl')
  const queries = await readBeirQueries(path, qrels)
  requireQueries(path, queries, qrels)
  return {
    name: basename(resolve(folder)),
    queries,
    qrels,
    corpus: () => readBeirCorpus(join(folder, 'corpus.jsonl')),
  }
}

async function readBeirQrels(path: string): Promise<Qrels> {
  const judged = new JudgmentsOf(path)
  let header = true
  for await (const { text, number } of readLines(path)) {
    const [query = '', document = '', grade = '', ...more] = text.split('\t')
    if (header && [query, document, grade].join() !== HEADER.join())
      throw lineFault(path, number, `is not BEIR's header, ${HEADER.join('<tab>')}`)
    if (more.length > 0 || query === '' || document === '' || grade === '')
      throw lineFault(path, number, `does not have the three columns ${HEADER.join('<tab>')}`)
    if (!header) judged.add(number, query, document, parseGrade(path, number, grade))
    header = false
  }
  return judged.qrels
}

async function readBeirQueries(path: string, qrels: Qrels): Promise<readonly EvalQuery[]> {
  const found = new QueriesOf(path)
  for await (const line of readLines(path)) {
    const object = parseObject(path, line)
    const id = requireText(path, line.number, object, '_id')
    if (qrels.has(id))
      found.add(line.number, { id, text: requireText(path, line.number, object, 'text') })
    else found.seen(line.number, id)
  }
  return found.queries
}

async function* readBeirCorpus(path: string): AsyncGenerator<EvalDocument> {
  const ids = new Set<string>()
  for await (const line of readLines(path)) {
    const object = parseObject(path, line)
    const id = requireText(path, line.number, object, '_id')
    if (ids.has(id)) throw lineFault(path, line.number, `document ${id} was there before`)
    ids.add(id)
    refuseAbove(path, line.number, ids.size, 'evalSetDocuments')
    const { title = '', text } = object
    if (typeof title !== 'string' || typeof text !== 'string')
      throw lineFault(path, line.number, '"text" and, if it is there, "title" must be strings')
    yield { id, title, text }
  }
}
