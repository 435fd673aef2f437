import { visibleText } from '../../core/visible-text.ts'
import { oneLine } from '../fence.ts'
import { question } from './fenced-text.ts'
import { type Entry, entryTitle, oncePerEntry, type Renderer } from './layout.ts'

interface CohereDocument {
  readonly id: string
  readonly data: { readonly title: string; readonly text: string }
}

const cohereDocument = oncePerEntry((entry): CohereDocument => {
  const title = oneLine(entryTitle(entry)) || oneLine(entry.documentId)
  return { id: String(entry.n), data: { title, text: visibleText(entry.text) } }
})

function entryTexts(entry: Entry): string[] {
  const { id, data } = cohereDocument(entry)
  return [id, 'title', data.title, 'text', data.text]
}

/** Chat v2 with `documents`, which are apart from the messages; their ids are our citation numbers. */
export const cohere: Renderer = {
  messages: 2,
  exactTokens: false,
  systemText: ({ system }) => system,
  frameTexts: (layout) => [question(layout)],
  entryTexts,
  prefix: (layout) => JSON.stringify([layout.system, layout.pinned.map(cohereDocument)]),
  body: (layout) => ({
    messages: [
      { role: 'system', content: layout.system },
      { role: 'user', content: question(layout) },
    ],
    documents: [...layout.pinned, ...layout.retrieved].map(cohereDocument),
  }),
}
