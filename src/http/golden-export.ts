import type { GoldenQueries, GoldenQuery } from '../catalog/golden-queries.ts'
import type { CollectionId, TenantId } from '../core/model.ts'
import { goldenLine } from './present/golden-query.ts'

const PAGE = 100

export interface GoldenExport {
  readonly goldenQueries: Pick<GoldenQueries, 'list'>
  readonly tenant: TenantId
  readonly collection: CollectionId
  readonly tag: string | undefined
}

/** All of them as JSONL, a page in memory at a time. A failure breaks the stream, so that half is not taken for all. */
export async function streamGolden(wanted: GoldenExport): Promise<ReadableStream<Uint8Array>> {
  // Read before anything is answered: what fails here is still a problem with its status.
  const first = await readPage(wanted, null)
  return ReadableStream.from(linesOf(wanted, first)).pipeThrough(new TextEncoderStream())
}

async function* linesOf(
  wanted: GoldenExport,
  first: readonly GoldenQuery[],
): AsyncGenerator<string> {
  let page = first
  for (let last = page.at(-1); last !== undefined; last = page.at(-1)) {
    yield page.map(goldenLine).join('')
    page = page.length < PAGE ? [] : await readPage(wanted, last.id)
  }
}

function readPage(
  { goldenQueries, tenant, collection, tag }: GoldenExport,
  after: string | null,
): Promise<readonly GoldenQuery[]> {
  return goldenQueries.list(tenant, collection, { after, count: PAGE, tag })
}
