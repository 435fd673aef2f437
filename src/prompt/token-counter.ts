import { KeptWith } from '../core/kept-with.ts'
import { createPace } from '../core/pace.ts'
import type { Tokenizer } from '../core/tokenizer.ts'
import { cutAtSeams } from '../tokenizer/seams.ts'
import type { PromptTemplate } from './prompt.ts'
import {
  allEntries,
  type Entry,
  entryTitle,
  type Layout,
  MESSAGE_TOKENS,
  type Renderer,
} from './render/layout.ts'
import type { TokenMemo } from './token-memo.ts'

/** Text between two chances to give the event loop back; a millisecond or so to count. */
const PIECE_CHARS = 1_000

/** Counts as the renderer renders, giving the event loop back as it goes. Rejects with its signal's reason. */
export interface TokenCounter {
  /** The whole prompt, with what its messages cost beside their text. */
  whole(layout: Layout): Promise<number>
  /** What one entry adds under its number; no promise where that is known, as it is for most. */
  entry(entry: Entry, n: number): number | Promise<number>
}

/** Of what prompts have in common whoever asks for them. */
interface CommonCounts {
  /** The texts of entries' numbers, of which there are no more than a prompt can have entries. */
  readonly numbers: Map<string, number>
  readonly templates: KeptWith<PromptTemplate, number>
}

const commonCountsOf = new WeakMap<Tokenizer, CommonCounts>()

function commonCounts(tokenizer: Tokenizer): CommonCounts {
  const common = commonCountsOf.get(tokenizer) ?? {
    numbers: new Map(),
    templates: new KeptWith(),
  }
  commonCountsOf.set(tokenizer, common)
  return common
}

export function tokenCounter(
  renderer: Renderer,
  tokenizer: Tokenizer,
  memo: TokenMemo,
  signal: AbortSignal,
): TokenCounter {
  const pace = createPace()
  const common = commonCounts(tokenizer)

  const countFor = async (
    counts: TokenMemo,
    key: string,
    texts: readonly string[],
  ): Promise<number> => {
    let tokens = 0
    for (const text of texts) {
      for (const piece of cutAtSeams(text, PIECE_CHARS)) {
        await pace()
        signal.throwIfAborted()
        tokens += tokenizer.count(piece)
      }
    }
    counts.set(key, tokens)
    return tokens
  }

  // A prompt counts most of its texts more than once, and its own are worth nothing to another.
  const counted = new Map<string, number>()
  const entries = new Map<Entry, number>()

  const countEntry = async (each: Entry, n: number): Promise<number> => {
    const key = memoKey(renderer, each)
    entries.set(each, memo.get(key) ?? (await countFor(memo, key, renderer.entryTexts(each))))
    const number = renderer.numberText(n)
    if (!common.numbers.has(number)) await countFor(common.numbers, number, [number])
    return entry(each, n)
  }

  const entry = (each: Entry, n: number): number | Promise<number> => {
    const tokens = entries.get(each) ?? memo.get(memoKey(renderer, each))
    const label = common.numbers.get(renderer.numberText(n))
    if (tokens === undefined || label === undefined) return countEntry(each, n)
    entries.set(each, tokens)
    return label + tokens
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
    for (const [at, each] of allEntries(layout).entries()) sum += await entry(each, at + 1)
    await pace()
    signal.throwIfAborted()
    return sum
  }

  return { whole, entry }
}

function memoKey({ entryForm }: Renderer, entry: Entry): string {
  return `${entryForm} ${entry.textKey} ${entryTitle(entry)}`
}
