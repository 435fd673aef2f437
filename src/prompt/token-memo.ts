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
/** Longer keys are kept as digests of 44 characters; for those up to here, making one costs more than it saves. */
const WHOLE_KEY_CHARS = 512

/**
 * Keeps the counts used last, as many as take the memory of `keyCharsMax` characters. No owner meets another's entries,
 * so none can tell from a fast prompt what stands in another's.
 */
export function createTokenMemos(keyCharsMax: number): TokenMemos {
  // In two generations: what is not asked for while the younger fills up goes with the older.
  let younger = new Map<string, number>()
  let older = new Map<string, number>()
  let chars = 0

  const set = (key: string, tokens: number): void => {
    younger.set(key, tokens)
    chars += key.length + ENTRY_CHARS
    if (chars <= keyCharsMax / 2) return
    older = younger
    younger = new Map()
    chars = 0
  }
  const get = (key: string): number | undefined => {
    const tokens = younger.get(key)
    if (tokens !== undefined) return tokens
    const aged = older.get(key)
    if (aged !== undefined) set(key, aged)
    return aged
  }
  return {
    of: (owner) => ({
      get: (key) => get(`${owner}\n${shortened(key)}`),
      set: (key, tokens) => set(`${owner}\n${shortened(key)}`, tokens),
    }),
  }
}

function shortened(key: string): string {
  return key.length <= WHOLE_KEY_CHARS ? key : hash('sha256', key, 'base64')
}
