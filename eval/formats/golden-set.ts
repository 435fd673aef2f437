import { basename, extname } from 'node:path'
import type { QuarryError } from '../../src/core/errors.ts'
import type { Dataset } from '../types.ts'
import { parseGrade, parseObject, requireText } from './fields.ts'
import { JudgmentsOf, noCorpus, QueriesOf } from './judgments.ts'
import { lineFault, readLines } from './read-lines.ts'

/**
 * Golden queries, one line each: `{"id": "…", "query": "…", "relevant": {"document": grade}}`, or `["document", …]` for grade 1.
 * Other fields, as an export from the catalog has, are not looked at. The documents are in the collection that is asked.
 * @throws QuarryError `invalid_request` naming file, line and what would be right
 */
export async function readGoldenSet(path: string): Promise<Dataset> {
  const found = new QueriesOf(path)
  const judged = new JudgmentsOf(path)
  for await (const line of readLines(path)) {
    const object = parseObject(path, line)
    const id = requireText(path, line.number, object, 'id')
    found.add(line.number, { id, text: requireText(path, line.number, object, 'query') })
    for (const [document, grade] of relevantOf(path, line.number, object['relevant']))
      judged.add(line.number, id, document, parseGrade(path, line.number, grade))
  }
  return {
    name: basename(path, extname(path)),
    queries: found.queries,
    qrels: judged.qrels,
    corpus: noCorpus,
  }
}

/** What is judged, and its grade as it was written. */
function* relevantOf(
  path: string,
  line: number,
  value: unknown,
): Generator<readonly [document: string, grade: unknown]> {
  const grades: readonly (readonly [unknown, unknown])[] = Array.isArray(value)
    ? value.map((document: unknown) => [document, 1])
    : Object.entries(typeof value === 'object' && value !== null ? value : {})
  if (grades.length === 0) throw judgesNothing(path, line)
  for (const [document, grade] of grades) {
    if (typeof document !== 'string' || document === '') throw judgesNothing(path, line)
    yield [document, grade]
  }
}

function judgesNothing(path: string, line: number): QuarryError {
  return lineFault(
    path,
    line,
    '"relevant" must judge at least one document, as {"document": grade} or ["document", …]',
  )
}
