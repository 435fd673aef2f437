import type { Lane } from '../measure/lanes.ts'
import { loadPeer } from './load-peer.ts'

interface Orama {
  create(options: object): object
  insertMultiple(database: object, documents: readonly object[], batch: number): Promise<unknown>
  search(
    database: object,
    query: object,
  ): Promise<{ readonly hits: readonly { readonly id: string }[] }>
}

/** Over texts whose words are analysed already, any of a query's words matching. */
export async function orama(
  texts: readonly string[],
  queries: readonly string[],
  k: number,
): Promise<Lane> {
  const { create, insertMultiple, search } = loadPeer<Orama>('@orama/orama')
  const database = create({
    schema: { text: 'string' },
    components: {
      tokenizer: {
        language: 'english',
        normalizationCache: new Map(),
        tokenize: (text: string) => [...new Set(text.split(' '))],
      },
    },
  })
  const documents = texts.map((text, row) => ({ id: String(row), text }))
  await insertMultiple(database, documents, 2_000)
  return async (query) => {
    const { hits } = await search(database, {
      term: queries[query] ?? '',
      limit: k,
      threshold: 1,
      exact: false,
      tolerance: 0,
    })
    return hits.map(({ id }) => Number(id))
  }
}
