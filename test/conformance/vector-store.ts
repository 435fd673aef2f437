import type { VectorStoreSubject } from './bench.ts'
import { declareRules, type Rule, type Skips } from './rule.ts'
import { failingRules } from './rules/failing.ts'
import { filteringRules } from './rules/filtering.ts'
import { lifecycleRules } from './rules/lifecycle.ts'
import { recallRules, searchingRules } from './rules/searching.ts'
import { tenantRules } from './rules/tenants.ts'
import { writingRules } from './rules/writing.ts'

export type { VectorStoreSubject } from './bench.ts'

export interface VectorStoreOptions extends VectorStoreSubject {
  /** Rules that this store cannot keep, by title, each with the reason. An unknown title fails the run. */
  readonly skip?: Skips | undefined
}

/** The contract of `VectorStore`, as tests. Every adapter runs all of it. */
export function testVectorStore(name: string, options: VectorStoreOptions): void {
  declareRules(`${name} keeps the VectorStore contract`, vectorStoreRules(options), options.skip)
}

export function vectorStoreRules(subject: VectorStoreSubject): Rule[] {
  return [
    ...tenantRules(subject),
    ...lifecycleRules(subject),
    ...writingRules(subject),
    ...searchingRules(subject),
    ...filteringRules(subject),
    ...failingRules(subject),
    ...recallRules(subject),
  ]
}
