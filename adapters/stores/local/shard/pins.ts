/** Frees something once it is both let go of and no longer in use. */
export class Pins {
  readonly #free: () => void
  #count = 0
  #retired = false

  constructor(free: () => void) {
    this.#free = free
  }

  pin(): void {
    this.#count += 1
  }

  unpin(): void {
    this.#count -= 1
    this.#settle()
  }

  retire(): void {
    if (this.#retired) return
    this.#retired = true
    this.#settle()
  }

  #settle(): void {
    if (this.#retired && this.#count === 0) this.#free()
  }
}
