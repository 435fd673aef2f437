import { createHash } from 'node:crypto'
import type { Dataset, EvalQuery } from '../types.ts'

/** Of what was asked, in whatever order. */
export function queriesHash(queries: readonly EvalQuery[]): string {
  return hashOf(queries.map(({ id, text }) => JSON.stringify([id, text])))
}

/** Of what counts as relevant to the queries that were asked. */
export function judgmentsHash({ queries, qrels }: Pick<Dataset, 'queries' | 'qrels'>): string {
  return hashOf(
    queries.flatMap(({ id }) =>
      [...(qrels.get(id) ?? [])].map(([document, grade]) => JSON.stringify([id, document, grade])),
    ),
  )
}

function hashOf(lines: readonly string[]): string {
  const hash = createHash('sha256')
  for (const line of lines.toSorted()) hash.update(line).update('\n')
  return hash.digest('hex').slice(0, 16)
}
