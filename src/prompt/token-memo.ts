import { hash } from 'node:crypto'

/** Token counts of one owner's texts. */
export interface TokenMemo {
  get(text: string): number | undefined
  set(text: string, tokens: number): void
}

export interface TokenMemos {
  of(owner: string): TokenMemo
}

/** What an entry takes beside its key, in characters. */
const ENTRY_CHARS = 64
/** A digest in base64 is shorter than any text that is kept by its digest. */
const DIGEST_CHARS = 44

/**
 * Keeps the counts used last, as many as take the memory of `keyCharsMax` characters. No owner meets another's entries,
 * so none can tell from a fast prompt what stands in another's.
 */
export function createTokenMemos(keyCharsMax: number): TokenMemos {
  const counts = new Map<string, number>()
  let chars = 0

  const remove = (key: string): void => {
    if (counts.delete(key)) chars -= key.length + ENTRY_CHARS
  }
  const set = (key: string, tokens: number): void => {
    remove(key)
    counts.set(key, tokens)
    chars += key.length + ENTRY_CHARS
    for (const oldest of counts.keys()) {
      if (chars <= keyCharsMax) break
      remove(oldest)
    }
  }
  const get = (key: string): number | undefined => {
    const tokens = counts.get(key)
    if (tokens !== undefined) {
      counts.delete(key)
      counts.set(key, tokens)
    }
    return tokens
  }
  return {
    of: (owner) => ({
      get: (text) => get(`${owner}\n${keyOf(text)}`),
      set: (text, tokens) => set(`${owner}\n${keyOf(text)}`, tokens),
    }),
  }
}

/** Passages by their digests, so that ten times as many fit as would by their texts. */
function keyOf(text: string): string {
  return text.length < DIGEST_CHARS ? text : hash('sha256', text, 'base64')
}
