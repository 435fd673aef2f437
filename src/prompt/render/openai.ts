import { fencedEntry, fencedSections, pinnedSection, question } from './fenced-text.ts'
import type { Layout, Renderer } from './layout.ts'

const userText = (layout: Layout): string => fencedSections(layout) + question(layout)

/** Chat completions: documents in the user's message, never in the system's, between tags. */
export const openai: Renderer = {
  messages: 2,
  exactTokens: true,
  texts: (layout) => [layout.system, userText(layout)],
  entryTexts: (entry) => [fencedEntry(entry)],
  prefix: (layout) => JSON.stringify([layout.system, pinnedSection(layout)]),
  body: (layout) => ({
    messages: [
      { role: 'system', content: layout.system },
      { role: 'user', content: userText(layout) },
    ],
  }),
}
