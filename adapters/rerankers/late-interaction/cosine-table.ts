const ROWS_AT_FIRST = 1_024

/** Cosines of the tokens seen so far with each of the query's tokens. */
export class CosineTable {
  readonly #width: number
  /** One above the row of each token of the vocabulary; 0 for those not seen. */
  readonly #places: Uint32Array
  readonly #best: Float64Array
  #cosines: Float64Array
  #count = 0

  constructor(width: number, vocabulary: number) {
    this.#width = width
    this.#places = new Uint32Array(vocabulary)
    this.#best = new Float64Array(width)
    this.#cosines = new Float64Array(ROWS_AT_FIRST * width)
  }

  unknown(tokens: Uint32Array): number[] {
    const found: number[] = []
    for (let i = 0; i < tokens.length; i += 1) {
      const token = tokens[i] as number
      if (this.#places[token] === 0) found.push(token)
    }
    return found
  }

  /** Of a token that is new here: its products with each of the query's, by the lengths of both. */
  add(token: number, products: Int32Array, length: number, queryLengths: Float64Array): void {
    const from = this.#count * this.#width
    if (from === this.#cosines.length) {
      const grown = new Float64Array(2 * from)
      grown.set(this.#cosines)
      this.#cosines = grown
    }
    this.#count += 1
    this.#places[token] = this.#count
    for (let k = 0; k < this.#width; k += 1)
      this.#cosines[from + k] = (products[k] as number) / (length * (queryLengths[k] as number))
  }

  /** The largest cosine of any of the tokens with each of the query's, 0 at least; overwritten by the next call. */
  bestOf(tokens: Uint32Array): Float64Array {
    const [best, cosines, width] = [this.#best, this.#cosines, this.#width]
    best.fill(0)
    for (let i = 0; i < tokens.length; i += 1) {
      const from = ((this.#places[tokens[i] as number] as number) - 1) * width
      for (let k = 0; k < width; k += 1) {
        const cosine = cosines[from + k] as number
        if (cosine > (best[k] as number)) best[k] = cosine
      }
    }
    return best
  }
}
