/** Something that ends; those with work under way get time to finish it. */
export interface Closable {
  close(drainMs: number): Promise<void>
}

/** Closes what was opened, the last first, each even when another fails. */
export class Closers {
  readonly #opened: Closable[] = []

  add<T extends Closable>(opened: T): T {
    this.#opened.push(opened)
    return opened
  }

  /** @throws AggregateError of all that failed to close */
  async closeAll(drainMs: number): Promise<void> {
    const errors: unknown[] = []
    for (let each = this.#opened.pop(); each !== undefined; each = this.#opened.pop()) {
      await each.close(drainMs).catch((error: unknown) => errors.push(error))
    }
    if (errors.length > 0) throw new AggregateError(errors, 'not everything closed cleanly')
  }
}
