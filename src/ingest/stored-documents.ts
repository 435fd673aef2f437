import type { Documents, StoredDocument, WorkItem } from '../catalog/catalog.ts'

/** Read together, so that small documents share one way to the catalog and large ones do not crowd the memory. */
const READ_BYTES_MAX = 8 * 1024 * 1024
const READ_ITEMS_MAX = 32

export interface Stored {
  readonly item: WorkItem
  /** Null when the document is gone or has moved on to another revision since the work was queued. */
  readonly document: StoredDocument | null
}

/** What is stored for each item, all of one tenant and collection, in their order. */
export async function* readStored(
  items: readonly WorkItem[],
  documents: Pick<Documents, 'contents'>,
): AsyncGenerator<Stored> {
  let rest = items
  for (let [first] = rest; first !== undefined; [first] = rest) {
    const asked = rest.slice(0, READ_ITEMS_MAX)
    const ids = asked.map(({ document }) => document)
    const read = await documents.contents(first.tenant, first.collection, ids, READ_BYTES_MAX)
    for (const item of asked.slice(0, read.considered)) {
      const document = read.found.get(item.document)
      yield { item, document: document?.row.revision === item.revision ? document : null }
    }
    rest = rest.slice(read.considered)
  }
}
