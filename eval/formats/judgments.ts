import { QuarryError } from '../../src/core/errors.ts'
import type { Dataset, EvalQuery, Qrels } from '../types.ts'
import { lineFault, refuseAbove } from './read-lines.ts'

/** Gathers judgments from a file, refusing repeated ones. */
export class JudgmentsOf {
  readonly qrels = new Map<string, Map<string, number>>()
  readonly #path: string
  #count = 0

  constructor(path: string) {
    this.#path = path
  }

  add(line: number, query: string, document: string, grade: number): void {
    const judgments = this.qrels.get(query) ?? new Map<string, number>()
    if (judgments.has(document))
      throw lineFault(
        this.#path,
        line,
        `query ${query} judges document ${document} twice; keep one of the two lines`,
      )
    this.#count += 1
    refuseAbove(this.#path, line, this.#count, 'evalSetJudgments')
    this.qrels.set(query, judgments.set(document, grade))
  }
}

/** Gathers queries from a file, refusing an id that came before. */
export class QueriesOf {
  readonly queries: EvalQuery[] = []
  readonly #path: string
  readonly #ids = new Set<string>()

  constructor(path: string) {
    this.#path = path
  }

  add(line: number, query: EvalQuery): void {
    this.seen(line, query.id)
    this.queries.push(query)
  }

  /** Counts a query that is not kept. */
  seen(line: number, id: string): void {
    if (this.#ids.has(id)) throw lineFault(this.#path, line, `query ${id} was there before`)
    this.#ids.add(id)
    refuseAbove(this.#path, line, this.#ids.size, 'evalSetQueries')
  }
}

/** Every judged query must be there: the mean over some of them is not the mean of the set. */
export function requireQueries(path: string, queries: readonly EvalQuery[], qrels: Qrels): void {
  const known = new Set(queries.map(({ id }) => id))
  const missing = [...qrels.keys()].filter((id) => !known.has(id))
  const [first] = missing
  if (first === undefined) return
  throw new QuarryError(
    'invalid_request',
    `${path}: lacks ${missing.length} of the ${qrels.size} judged queries, first ${first}; the queries and the judgments must be of one set`,
  )
}

/** For sources that say nothing of the documents: those are in the collection that is asked. */
export const noCorpus: Dataset['corpus'] = async function* () {}
