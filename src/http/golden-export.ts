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
  const encoder = new TextEncoder()
  // Read before anything is answered: what fails here is still a problem with its status.
  let page = await readPage(wanted, null)
  return new ReadableStream({
    pull: async (controller) => {
      const last = page.at(-1)
      if (last === undefined) {
        controller.close()
        return
      }
      controller.enqueue(encoder.encode(page.map(goldenLine).join('')))
      page = page.length < PAGE ? [] : await readPage(wanted, last.id)
    },
  })
}

function readPage(
  { goldenQueries, tenant, collection, tag }: GoldenExport,
  after: string | null,
): Promise<readonly GoldenQuery[]> {
  return goldenQueries.list(tenant, collection, { after, count: PAGE, tag })
}
