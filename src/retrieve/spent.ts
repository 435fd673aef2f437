import { type GeneratorTokens, NO_TOKENS } from '../core/generator.ts'

/** What the models of one retrieval have counted so far. */
export interface Spent {
  embedTokens: number
  generated: GeneratorTokens
}

export const nothingSpent = (): Spent => ({ embedTokens: 0, generated: NO_TOKENS })
