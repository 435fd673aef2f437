/** Token counts of one owner's texts. */
export interface TokenMemo {
  get(text: string): number | undefined
  set(text: string, tokens: number): void
}

export interface TokenMemos {
  of(owner: string): TokenMemo
}

/** What an entry takes beside its text, in characters. */
const ENTRY_CHARS = 64

/**
 * Keeps the counts used last, of texts of at most `charsMax` characters together. No owner meets another's entries, so
 * none can tell from a fast prompt what stands in another's.
 */
export function createTokenMemos(charsMax: number): TokenMemos {
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
      if (chars <= charsMax) break
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
      get: (text) => get(`${owner}\n${text}`),
      set: (text, tokens) => set(`${owner}\n${text}`, tokens),
    }),
  }
}
