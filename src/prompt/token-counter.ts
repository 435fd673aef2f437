import { createPace } from '../core/pace.ts'
import type { Tokenizer } from '../core/tokenizer.ts'
import { cutAtSeams } from '../tokenizer/seams.ts'
import { OfTemplate } from './of-template.ts'
import {
  type Entry,
  entryTitle,
  type Layout,
  MESSAGE_TOKENS,
  numbered,
  type Renderer,
} from './render/layout.ts'
import type { TokenMemo } from './token-memo.ts'

/** Text between two chances to give the event loop back; a millisecond or so to count. */
const PIECE_CHARS = 1_000

/** Counts as the renderer renders, giving the event loop back as it goes. Rejects with its signal's reason. */
export interface TokenCounter {
  /** The whole prompt, with what its messages cost beside their text. */
  whole(layout: Layout): Promise<number>
  /** What one entry adds under its number. */
  entry(entry: Entry, n: number): Promise<number>
}

/** Of what prompts have in common whoever asks for them. */
interface CommonCounts {
  /** The texts of entries' numbers, of which there are no more than a prompt can have entries. */
  readonly numbers: Map<string, number>
  readonly templates: OfTemplate<number>
}

const commonCountsOf = new WeakMap<Tokenizer, CommonCounts>()

export function tokenCounter(
  renderer: Renderer,
  tokenizer: Tokenizer,
  memo: TokenMemo,
  signal: AbortSignal,
): TokenCounter {
  const pace = createPace()
  const common = commonCountsOf.get(tokenizer) ?? {
    numbers: new Map(),
    templates: new OfTemplate(),
  }
  commonCountsOf.set(tokenizer, common)

  const countTexts = async (texts: readonly string[]): Promise<number> => {
    let tokens = 0
    for (const text of texts) {
      for (const piece of cutAtSeams(text, PIECE_CHARS)) {
        await pace()
        signal.throwIfAborted()
        tokens += tokenizer.count(piece)
      }
    }
    return tokens
  }

  const countFor = async (
    counts: TokenMemo,
    key: string,
    texts: readonly string[],
  ): Promise<number> => {
    const tokens = await countTexts(texts)
    counts.set(key, tokens)
    return tokens
  }

  // A prompt counts most of its texts more than once, and its own are worth nothing to another.
  const counted = new Map<string, number>()
  const entries = new Map<Entry, number>()

  const countEntry = async (entry: Entry): Promise<number> => {
    const key = `${renderer.entryForm} ${entry.textKey} ${entryTitle(entry)}`
    const tokens = memo.get(key) ?? (await countFor(memo, key, renderer.entryTexts(entry)))
    entries.set(entry, tokens)
    return tokens
  }

  const entry = async (each: Entry, n: number): Promise<number> => {
    const number = renderer.numberText(n)
    const label = common.numbers.get(number) ?? (await countFor(common.numbers, number, [number]))
    return label + (entries.get(each) ?? (await countEntry(each)))
  }

  const countTemplate = async (layout: Layout): Promise<number> => {
    const { template, pinned, retrieved } = layout
    const name = `${renderer.format} ${pinned.length > 0} ${retrieved.length > 0}`
    const counts = common.templates.of(template)
    return counts.get(name) ?? countFor(counts, name, renderer.templateTexts(layout))
  }

  const whole = async (layout: Layout): Promise<number> => {
    let sum = renderer.messages * MESSAGE_TOKENS
    sum += await countTemplate(layout)
    for (const text of renderer.ownTexts(layout))
      sum += counted.get(text) ?? (await countFor(counted, text, [text]))
    for (const [each, n] of numbered(layout)) sum += await entry(each, n)
    await pace()
    signal.throwIfAborted()
    return sum
  }

  return { whole, entry }
}
