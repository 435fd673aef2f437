import type { DocumentId } from '../../core/model.ts'
import type { PromptFormat, PromptTemplate } from '../prompt.ts'

/** Everything that goes into a prompt, in its order, which numbers the entries; texts of documents still as they came. */
export interface Layout {
  readonly template: PromptTemplate
  readonly pinned: readonly Entry[]
  readonly retrieved: readonly Entry[]
  readonly query: string
  readonly nonces: { readonly pinned: string; readonly retrieved: string }
}

/** One document or passage. */
export interface Entry {
  readonly documentId: DocumentId
  readonly title: string | null
  readonly headings: readonly string[]
  readonly text: string
  /** Equal keys of one tenant are of the same document and the same text. */
  readonly textKey: string
}

/** How a provider wants a prompt. One is made for each, and remembers what it rendered. */
export interface Renderer {
  readonly format: PromptFormat
  /** Chat messages, each of which costs MESSAGE_TOKENS beside its text. */
  readonly messages: number
  /** False: the provider counts with a tokenizer of its own, and ours is an estimate. */
  readonly exactTokens: boolean
  /** Renderers that write an entry alike name this alike, and share its counts. */
  readonly entryForm: string
  /**
   * What prompts of a template have in common, among them the system text: the same for all layouts of one template that
   * have pinned entries or none, and retrieved ones or none. Counts of all texts add up to the body's.
   */
  templateTexts(layout: Layout): readonly string[]
  /** What the provider reads beside that and the entries: what is this prompt's own. */
  ownTexts(layout: Layout): readonly string[]
  /** What it reads of one entry, but for the number by which an answer cites it. */
  entryTexts(entry: Entry): readonly string[]
  /** What it reads of that number; empty where entries have none. */
  numberText(n: number): string
  /** All that comes before the retrieved passages. */
  prefix(layout: Layout): string
  body(layout: Layout): Readonly<Record<string, unknown>>
}

/** All entries in the order of their numbers, which begin at 1. */
export function allEntries({ pinned, retrieved }: Layout): readonly Entry[] {
  return pinned.length === 0 ? retrieved : [...pinned, ...retrieved]
}

/** Of a chat format, per message, for role and separators, as OpenAI documents its own. */
export const MESSAGE_TOKENS = 4

/** `Title › Heading › Heading`, a heading that repeats the title left out; empty when there is neither. */
export function entryTitle({ title, headings }: Entry): string {
  const path = title === null || headings[0] === title ? headings : [title, ...headings]
  return path.join(' › ')
}
