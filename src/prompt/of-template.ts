import type { PromptTemplate } from './prompt.ts'

/** What was found out about templates, each under some names, for as long as the templates themselves are kept. */
export class OfTemplate<T> {
  readonly #known = new WeakMap<PromptTemplate, Map<string, T>>()

  of(template: PromptTemplate): Map<string, T> {
    const known = this.#known.get(template) ?? new Map<string, T>()
    this.#known.set(template, known)
    return known
  }
}
