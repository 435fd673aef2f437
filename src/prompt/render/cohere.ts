import { visibleText } from '../../core/visible-text.ts'
import { oneLine } from '../fence.ts'
import { oncePer } from '../once-per.ts'
import { question } from './fenced-text.ts'
import { type Entry, entryTitle, type Layout, numbered, type Renderer } from './layout.ts'

interface DocumentData {
  readonly title: string
  readonly text: string
}

const documentData = oncePer((entry: Entry): DocumentData => {
  const title = oneLine(entryTitle(entry)) || oneLine(entry.documentId)
  return { title, text: visibleText(entry.text) }
})

function cohereDocument([entry, n]: readonly [Entry, number]): object {
  return { id: String(n), data: documentData(entry) }
}

function entryTexts(entry: Entry): string[] {
  const { title, text } = documentData(entry)
  return ['title', title, 'text', text]
}

function pinnedDocuments(layout: Layout): object[] {
  return numbered(layout).slice(0, layout.pinned.length).map(cohereDocument)
}

/** Chat v2 with `documents`, which are apart from the messages; their ids are our citation numbers. */
export const cohere: Renderer = {
  messages: 2,
  exactTokens: false,
  entryForm: 'document',
  systemText: ({ system }) => system,
  frameTexts: (layout) => [question(layout)],
  entryTexts,
  numberText: String,
  prefix: (layout) => JSON.stringify([layout.system, pinnedDocuments(layout)]),
  body: (layout) => ({
    messages: [
      { role: 'system', content: layout.system },
      { role: 'user', content: question(layout) },
    ],
    documents: numbered(layout).map(cohereDocument),
  }),
}
