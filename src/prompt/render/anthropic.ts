import { visibleText } from '../../core/visible-text.ts'
import { oneLine } from '../fence.ts'
import { oncePer } from '../once-per.ts'
import { type Entry, entryTitle, type Layout, type Renderer } from './layout.ts'
import { apart, question } from './question.ts'

const CACHED = { cache_control: { type: 'ephemeral' } } as const

interface SearchResult {
  readonly type: 'search_result'
  readonly source: string
  readonly title: string
  readonly content: readonly { readonly type: 'text'; readonly text: string }[]
  readonly citations: { readonly enabled: true }
}

/** A block of its own for each paragraph, since a block is the least that a citation can point to. */
function searchResultOf(entry: Entry): SearchResult {
  const paragraphs = visibleText(entry.text).split(/\n{2,}/)
  const texts = paragraphs.map((text) => text.trimEnd()).filter((text) => text.trim() !== '')
  return {
    type: 'search_result',
    source: oneLine(entry.documentId),
    title: oneLine(entryTitle(entry)) || oneLine(entry.documentId),
    content: texts.map((text) => ({ type: 'text', text })),
    citations: { enabled: true },
  }
}

/**
 * Messages API with `search_result` blocks: a document's text is a field of its own, which is the fence. The model's
 * `search_result_index` counts as our citations do, from 0. Cache breakpoints follow the system text and the pinned documents.
 */
export function anthropic(): Renderer {
  const searchResult = oncePer(searchResultOf)
  const pinnedBlocks = ({ pinned }: Layout): object[] =>
    pinned.map((entry, index) => ({
      ...searchResult(entry),
      ...(index === pinned.length - 1 ? CACHED : {}),
    }))
  return {
    ...apart,
    format: 'anthropic',
    entryForm: 'search result',
    entryTexts(entry) {
      const { source, title, content } = searchResult(entry)
      return [source, title, ...content.map(({ text }) => text)]
    },
    numberText: () => '',
    prefix: (layout) => JSON.stringify([layout.template.system, pinnedBlocks(layout)]),
    body: (layout) => ({
      ...(layout.template.system === ''
        ? {}
        : { system: [{ type: 'text', text: layout.template.system, ...CACHED }] }),
      messages: [
        {
          role: 'user',
          content: [
            ...pinnedBlocks(layout),
            ...layout.retrieved.map(searchResult),
            { type: 'text', text: question(layout) },
          ],
        },
      ],
    }),
  }
}
