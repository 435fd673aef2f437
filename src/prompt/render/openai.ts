import { fenced, pinnedSection, userText } from './fenced-text.ts'
import type { Renderer } from './layout.ts'

/** Chat completions: documents in the user's message, never in the system's, between tags. */
export const openai: Renderer = {
  ...fenced,
  messages: 2,
  systemText: ({ system }) => system,
  prefix: (layout) => JSON.stringify([layout.system, pinnedSection(layout)]),
  body: (layout) => ({
    messages: [
      { role: 'system', content: layout.system },
      { role: 'user', content: userText(layout) },
    ],
  }),
}
