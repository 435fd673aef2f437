import type { PromptTemplate } from './prompt.ts'

/** What was found out about templates, each under some names, for as long as the templates themselves are kept. */
export class OfTemplate<T> {
  readonly #known = new WeakMap<PromptTemplate, Map<string, T>>()

  get(template: PromptTemplate, name: string): T | undefined {
    return this.#known.get(template)?.get(name)
  }

  set(template: PromptTemplate, name: string, value: T): void {
    const known = this.#known.get(template)
    if (known === undefined) this.#known.set(template, new Map([[name, value]]))
    else known.set(name, value)
  }
}
