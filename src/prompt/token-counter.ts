import { createPace } from '../core/pace.ts'
import type { Tokenizer } from '../core/tokenizer.ts'
import { cutAtSeams } from '../tokenizer/seams.ts'
import { type Entry, type Layout, MESSAGE_TOKENS, type Renderer } from './render/layout.ts'
import type { TokenMemo } from './token-memo.ts'

/** Text between two chances to give the event loop back; a millisecond or so to count. */
const PIECE_CHARS = 1_000

/** Counts as the renderer renders, giving the event loop back as it goes. Rejects with its signal's reason. */
export interface TokenCounter {
  /** The whole prompt, with what its messages cost beside their text. */
  whole(layout: Layout): Promise<number>
  /** What one entry adds. */
  entry(entry: Entry): Promise<number>
}

export function tokenCounter(
  renderer: Renderer,
  tokenizer: Tokenizer,
  memo: TokenMemo,
  signal: AbortSignal,
): TokenCounter {
  const pace = createPace()

  const countText = async (text: string): Promise<number> => {
    let tokens = 0
    for (const piece of cutAtSeams(text, PIECE_CHARS)) {
      await pace()
      signal.throwIfAborted()
      tokens += tokenizer.count(piece)
    }
    return tokens
  }

  // What one prompt counts again and again, its random fence among it, needs no digest to be found.
  const counted = new Map<string, number>()

  /** `kept` remembers beyond this prompt. */
  const countOnce = async (text: string, kept: TokenMemo | null): Promise<number> => {
    const known = counted.get(text) ?? kept?.get(text)
    const tokens = known ?? (await countText(text))
    if (known === undefined) kept?.set(text, tokens)
    counted.set(text, tokens)
    return tokens
  }

  const entry = async (each: Entry): Promise<number> => {
    await pace()
    signal.throwIfAborted()
    let sum = 0
    for (const text of renderer.entryTexts(each)) sum += await countOnce(text, memo)
    return sum
  }

  const whole = async (layout: Layout): Promise<number> => {
    let sum =
      renderer.messages * MESSAGE_TOKENS + (await countOnce(renderer.systemText(layout), memo))
    for (const text of renderer.frameTexts(layout)) sum += await countOnce(text, null)
    for (const each of [...layout.pinned, ...layout.retrieved]) sum += await entry(each)
    await pace()
    return sum
  }

  return { whole, entry }
}
