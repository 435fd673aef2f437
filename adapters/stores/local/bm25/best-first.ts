import type { Found, RowSearch } from '../found.ts'
import type { TopK } from '../top-k.ts'

/** What an exact search found, in order. */
export function bestFirst(top: TopK, isBefore: RowSearch['isBefore']): Found {
  const entries = top
    .entries()
    .sort((a, b) => b.score - a.score || (isBefore(a.row, b.row) ? -1 : 1))
  return {
    rows: entries.map(({ row }) => row),
    scores: entries.map(({ score }) => score),
    complete: true,
  }
}
