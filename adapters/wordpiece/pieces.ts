const CONTINUES = '##'

export interface Pieces {
  readonly unknownId: number
  idOf(token: string): number | undefined
  /** A word's ids, the longest piece first; only the unknown one where some part has no piece; none for ''. */
  split(word: string): number[]
}

export function openPieces(vocabulary: readonly string[], unknownToken: string): Pieces {
  const starts = new Map<string, number>()
  const continuations = new Map<string, number>()
  let longest = 0
  for (const [id, token] of vocabulary.entries()) {
    starts.set(token, id)
    if (token.startsWith(CONTINUES)) continuations.set(token.slice(CONTINUES.length), id)
    longest = Math.max(longest, token.length)
  }
  const unknownId = starts.get(unknownToken) ?? -1

  /** End of the longest piece at `start`, or `start`. Every try is at most as long as the longest token. */
  const endOfPiece = (word: string, start: number, known: Map<string, number>): number => {
    let end = Math.min(word.length, start + longest)
    while (end > start && !known.has(word.slice(start, end))) end -= 1
    return end
  }
  const split = (word: string): number[] => {
    const ids: number[] = []
    let start = 0
    while (start < word.length) {
      const known = start === 0 ? starts : continuations
      const end = endOfPiece(word, start, known)
      const id = known.get(word.slice(start, end))
      if (id === undefined || end === start) return [unknownId]
      ids.push(id)
      start = end
    }
    return ids
  }
  return { unknownId, idOf: (token) => starts.get(token), split }
}
