import type { Lane } from '../measure/lanes.ts'
import { loadPeer } from './load-peer.ts'

type MiniSearchClass = new (
  options: object,
) => {
  addAll(documents: readonly object[]): void
  search(query: string, options: object): readonly { readonly id: number }[]
}

/** Over texts whose words are analysed already, any of a query's words matching. */
export function miniSearch(texts: readonly string[], queries: readonly string[], k: number): Lane {
  const MiniSearch = loadPeer<MiniSearchClass>('minisearch')
  const index = new MiniSearch({
    fields: ['text'],
    idField: 'id',
    storeFields: [],
    tokenize: (text: string) => text.split(' '),
    processTerm: (term: string) => term,
    autoVacuum: false,
  })
  index.addAll(texts.map((text, id) => ({ id, text })))
  const options = { prefix: false, fuzzy: false, combineWith: 'OR' }
  return (query) =>
    index
      .search(queries[query] ?? '', options)
      .slice(0, k)
      .map(({ id }) => id)
}
