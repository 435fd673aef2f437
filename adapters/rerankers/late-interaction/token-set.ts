/** Distinct tokens of one passage after another; clearing it costs nothing. */
export class TokenSet {
  /** The last passage that each token of the vocabulary was in. */
  readonly #lastIn: Uint32Array
  readonly #tokens: Uint32Array
  #passage = 1
  #count = 0

  constructor(vocabulary: number, max: number) {
    this.#lastIn = new Uint32Array(vocabulary)
    this.#tokens = new Uint32Array(max)
  }

  clear(): void {
    this.#passage += 1
    this.#count = 0
  }

  /** Those from one place to another. Further ones than there is room for are left out. */
  addAll(tokens: Int32Array, from: number, to: number): void {
    for (let at = from; at < to && this.#count < this.#tokens.length; at += 1) {
      const token = tokens[at] as number
      if (this.#lastIn[token] === this.#passage) continue
      this.#lastIn[token] = this.#passage
      this.#tokens[this.#count++] = token
    }
  }

  /** In the order of first mention; overwritten after `clear`. */
  tokens(): Uint32Array {
    return this.#tokens.subarray(0, this.#count)
  }
}
