import type { Tokenizer } from '../core/tokenizer.ts'
import { type Entry, type Layout, MESSAGE_TOKENS, type Renderer } from './render/layout.ts'

/** Counts as the renderer renders. */
export interface TokenCounter {
  /** The whole prompt, with what its messages cost beside their text. */
  whole(layout: Layout): number
  /** What one entry adds. */
  entry(entry: Entry): number
}

export function tokenCounter(renderer: Renderer, tokenizer: Tokenizer): TokenCounter {
  const sum = (texts: readonly string[]): number =>
    texts.reduce((tokens, text) => tokens + tokenizer.count(text), 0)
  return {
    whole: (layout) => sum(renderer.texts(layout)) + renderer.messages * MESSAGE_TOKENS,
    entry: (entry) => sum(renderer.entryTexts(entry)),
  }
}
