import type { EvalResult, QueryResult } from '../../eval/result/schema.ts'
import type { Evals } from '../catalog/evals.ts'
import { QuarryError } from '../core/errors.ts'
import type { TenantId } from '../core/model.ts'

const PAGE = 200

/** A result but for its queries, of which there may be thousands. */
export type EvalSummary = Omit<EvalResult, 'queries'>

export interface FinishedEval {
  readonly summary: EvalSummary
  /** A page at a time, by id. */
  pages(): AsyncGenerator<readonly QueryResult[]>
}

/** A finished eval as the file form of results has it; `not_found`, or `conflict` while there is no result. */
export async function readEval(
  evals: Pick<Evals, 'get' | 'queries'>,
  tenant: TenantId,
  id: string,
): Promise<FinishedEval> {
  const run = await evals.get(tenant, id)
  if (run === null) throw unknownEval(id)
  if (run.summary === null)
    throw new QuarryError('conflict', `eval ${id} has no result: it is ${run.state}`)
  const summary = { ...(run.summary as Omit<EvalSummary, 'texts'>), texts: {} }
  return { summary, pages: () => pagesOf(evals, tenant, id) }
}

/** All of it in memory, to compare. */
export async function wholeResult({ summary, pages }: FinishedEval): Promise<EvalResult> {
  const queries: QueryResult[] = []
  for await (const page of pages()) queries.push(...page)
  return { ...summary, queries }
}

export function unknownEval(id: string): QuarryError {
  return new QuarryError('not_found', `no eval ${JSON.stringify(id)}`)
}

async function* pagesOf(
  evals: Pick<Evals, 'queries'>,
  tenant: TenantId,
  id: string,
): AsyncGenerator<readonly QueryResult[]> {
  for (let after: string | null = null; ; ) {
    const page = await evals.queries(tenant, id, { after, count: PAGE })
    yield page.map(({ id: query, query: text, result }) => ({
      id: query,
      text,
      ...(result as Omit<QueryResult, 'id' | 'text'>),
    }))
    after = page.at(-1)?.id ?? null
    if (page.length < PAGE) return
  }
}
