import { visibleText } from '../../core/visible-text.ts'
import { oneLine } from '../fence.ts'
import { oncePer } from '../once-per.ts'
import { question } from './fenced-text.ts'
import { type Entry, entryTitle, type Layout, type Renderer } from './layout.ts'

const CACHED = { cache_control: { type: 'ephemeral' } } as const

interface SearchResult {
  readonly type: 'search_result'
  readonly source: string
  readonly title: string
  readonly content: readonly { readonly type: 'text'; readonly text: string }[]
  readonly citations: { readonly enabled: true }
}

/** A block of its own for each paragraph, since a block is the least that a citation can point to. */
const searchResult = oncePer((entry: Entry): SearchResult => {
  const paragraphs = visibleText(entry.text).split(/\n{2,}/)
  const texts = paragraphs.map((text) => text.trimEnd()).filter((text) => text.trim() !== '')
  return {
    type: 'search_result',
    source: oneLine(entry.documentId),
    title: oneLine(entryTitle(entry)) || oneLine(entry.documentId),
    content: texts.map((text) => ({ type: 'text', text })),
    citations: { enabled: true },
  }
})

function entryTexts(entry: Entry): string[] {
  const { source, title, content } = searchResult(entry)
  return [source, title, ...content.map(({ text }) => text)]
}

function pinnedBlocks({ pinned }: Layout): object[] {
  const last = pinned.length - 1
  return pinned.map((entry, index) => ({
    ...searchResult(entry),
    ...(index === last ? CACHED : {}),
  }))
}

/**
 * Messages API with `search_result` blocks: a document's text is a field of its own, which is the fence. The model's
 * `search_result_index` counts as our citations do, from 0. Cache breakpoints follow the system text and the pinned documents.
 */
export const anthropic: Renderer = {
  messages: 2,
  exactTokens: false,
  entryForm: 'search result',
  systemText: ({ system }) => system,
  frameTexts: (layout) => [question(layout)],
  entryTexts,
  numberText: () => '',
  prefix: (layout) => JSON.stringify([layout.system, pinnedBlocks(layout)]),
  body: (layout) => ({
    ...(layout.system === '' ? {} : { system: [{ type: 'text', text: layout.system, ...CACHED }] }),
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
