import { visibleText } from '../../core/visible-text.ts'
import { oneLine } from '../fence.ts'
import { oncePer } from '../once-per.ts'
import { allEntries, type Entry, entryTitle, type Layout, type Renderer } from './layout.ts'
import { apart, question } from './question.ts'

interface DocumentData {
  readonly title: string
  readonly text: string
}

function documentDataOf(entry: Entry): DocumentData {
  const title = oneLine(entryTitle(entry)) || oneLine(entry.documentId)
  return { title, text: visibleText(entry.text) }
}

/** Chat v2 with `documents`, which are apart from the messages; their ids are our citation numbers. */
export function cohere(): Renderer {
  const documentData = oncePer(documentDataOf)
  const documents = (layout: Layout): object[] =>
    allEntries(layout).map((entry, at) => ({ id: String(at + 1), data: documentData(entry) }))
  return {
    ...apart,
    format: 'cohere',
    entryForm: 'document',
    entryTexts(entry) {
      const { title, text } = documentData(entry)
      return ['title', title, 'text', text]
    },
    numberText: String,
    prefix: (layout) =>
      JSON.stringify([layout.template.system, documents(layout).slice(0, layout.pinned.length)]),
    body: (layout) => ({
      messages: [
        { role: 'system', content: layout.template.system },
        { role: 'user', content: question(layout) },
      ],
      documents: documents(layout),
    }),
  }
}
