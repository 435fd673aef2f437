import { decodeToken, encodeToken } from './token.ts'

/** Where the next page of a list begins: after this key. */
export function decodeCursor(cursor: string | undefined): string | null {
  return cursor === undefined ? null : decodeToken('c', cursor, 'cursor')
}

/** One page of what was read with `limit + 1`, and the cursor of the next, null at the end. */
export function paginate<T>(
  rows: readonly T[],
  limit: number,
  keyOf: (row: T) => string,
): { readonly rows: readonly T[]; readonly nextCursor: string | null } {
  const page = rows.slice(0, limit)
  const last = page.at(-1)
  const more = rows.length > limit && last !== undefined
  return { rows: page, nextCursor: more ? encodeToken('c', keyOf(last)) : null }
}
