import { describe, expect, it } from 'vitest'

/** One sentence of a contract and the check of it, so that vitest and the mutants run the same list. */
export interface Rule {
  readonly title: string
  readonly check: () => Promise<void>
}

/** Rules that a store cannot keep, by title, each with the reason. */
export type Skips = Readonly<Record<string, string>>

/** Registers the rules with vitest. A skip of a rule that does not exist fails the run. */
export function declareRules(name: string, rules: readonly Rule[], skip: Skips = {}): void {
  describe(name, () => {
    for (const { title, check } of rules) {
      const reason = skip[title]
      const shown = reason === undefined ? title : `${title} (skipped: ${reason})`
      it(shown, { skip: reason !== undefined }, check)
    }
    it('skips only rules that exist, and says why', () => {
      const titles = new Set(rules.map(({ title }) => title))
      expect(titles.size).toBe(rules.length)
      expect(Object.keys(skip).filter((title) => !titles.has(title))).toEqual([])
      expect(Object.values(skip).filter((reason) => reason.trim() === '')).toEqual([])
    })
  })
}

/** Rejects with a message when the promise is still open after `boundMs`: a bound on hanging, not on speed. */
export async function settles<T>(promise: Promise<T>, boundMs = 3_000): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error(`still open after ${boundMs} ms`)), boundMs)
  })
  try {
    return await Promise.race([promise, late])
  } finally {
    clearTimeout(timer)
  }
}

/** What the promise rejected with; undefined when it resolved. */
export async function rejection(promise: Promise<unknown>): Promise<unknown> {
  try {
    await promise
    return undefined
  } catch (error) {
    return error ?? new Error('rejected with nothing')
  }
}
