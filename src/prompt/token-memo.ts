import { hash } from 'node:crypto'

/** Token counts of one owner's texts, by what names them. */
export interface TokenMemo {
  get(key: string): number | undefined
  set(key: string, tokens: number): void
}

export interface TokenMemos {
  of(owner: string): TokenMemo
}

/** What an entry takes beside its key, in characters. */
const ENTRY_CHARS = 64
/** What an owner's first entry takes, with the map that all its others go to. */
const OWNER_CHARS = 256
/** Longer keys are kept as digests of 44 characters; for those up to here, making one costs more than it saves. */
const WHOLE_KEY_CHARS = 1_024

/**
 * Keeps the counts used last, as many as take the memory of `keyCharsMax` characters. No owner meets another's entries,
 * so none can tell from a fast prompt what stands in another's.
 */
export function createTokenMemos(keyCharsMax: number): TokenMemos {
  // In two generations: what is not asked for while the younger fills up goes with the older.
  let younger = new Map<string, Map<string, number>>()
  let older = new Map<string, Map<string, number>>()
  let chars = 0

  const set = (owner: string, key: string, tokens: number): void => {
    const own = younger.get(owner)
    if (own === undefined) younger.set(owner, new Map([[key, tokens]]))
    else own.set(key, tokens)
    chars += key.length + (own === undefined ? OWNER_CHARS : ENTRY_CHARS)
    if (chars <= keyCharsMax / 2) return
    older = younger
    younger = new Map()
    chars = 0
  }
  const get = (owner: string, key: string): number | undefined => {
    const tokens = younger.get(owner)?.get(key)
    if (tokens !== undefined) return tokens
    const aged = older.get(owner)?.get(key)
    if (aged !== undefined) set(owner, key, aged)
    return aged
  }
  return {
    of: (owner) => ({
      get: (key) => get(owner, shortened(key)),
      set: (key, tokens) => set(owner, shortened(key), tokens),
    }),
  }
}

function shortened(key: string): string {
  return key.length <= WHOLE_KEY_CHARS ? key : hash('sha256', key, 'base64')
}
