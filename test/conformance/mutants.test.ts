import { describe, expect, it } from 'vitest'
import { lexicalIndexRules, testLexicalIndex } from './lexical-index.ts'
import { DENSE_MUTANTS, WITHOUT_FAULT } from './mutants-dense.ts'
import { RIGHT_FAULTS, WRONG_FAULTS } from './mutants-failing.ts'
import { LEXICAL_MUTANTS, WITHOUT_FAULT as LEXICAL_WITHOUT_FAULT } from './mutants-lexical.ts'
import { Oracle } from './oracle.ts'
import { type Rule, rejection } from './rule.ts'
import { failingRules } from './rules/failing.ts'
import { testVectorStore, vectorStoreRules } from './vector-store.ts'

const right = {
  open: async () => new Oracle(),
  minRecall: 1,
  scoreTolerance: 1e-6,
  faults: RIGHT_FAULTS,
}

testVectorStore('oracle', right)
testLexicalIndex('oracle', right)

/** A suite that lets a planted fault through would let the same fault through in a store. */
describe('every planted fault turns a rule red', () => {
  it('and nothing else does', async () => {
    for (const open of WITHOUT_FAULT)
      expect(
        await firstRed(vectorStoreRules({ ...right, open: async () => open() })),
      ).toBeUndefined()
    const lexical = lexicalIndexRules({ open: async () => LEXICAL_WITHOUT_FAULT() })
    expect(await firstRed(lexical)).toBeUndefined()
  })
  for (const [fault, open] of Object.entries(DENSE_MUTANTS))
    it(`dense: ${fault}`, async () => {
      expect(await firstRed(vectorStoreRules({ ...right, open: async () => open() }))).toBeDefined()
    })
  for (const [fault, faults] of Object.entries(WRONG_FAULTS))
    it(`failing: ${fault}`, async () => {
      expect(await firstRed(failingRules({ ...right, faults }))).toBeDefined()
    })
  for (const [fault, open] of Object.entries(LEXICAL_MUTANTS))
    it(`lexical: ${fault}`, async () => {
      expect(await firstRed(lexicalIndexRules({ open: async () => open() }))).toBeDefined()
    })
})

async function firstRed(rules: readonly Rule[]): Promise<string | undefined> {
  for (const { title, check } of rules) if ((await rejection(check())) !== undefined) return title
  return undefined
}
