/** What was found out about objects that stay as they are, each under some names, for as long as the objects are kept. */
export class KeptWith<Owner extends object, T> {
  readonly #known = new WeakMap<Owner, Map<string, T>>()

  of(owner: Owner): Map<string, T> {
    const known = this.#known.get(owner) ?? new Map<string, T>()
    this.#known.set(owner, known)
    return known
  }
}
