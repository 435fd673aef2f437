import {
  fencedEntryTexts,
  fencedFrame,
  fencedNumber,
  pinnedSection,
  userText,
} from './fenced-text.ts'
import type { Renderer } from './layout.ts'

/** Chat completions: documents in the user's message, never in the system's, between tags. */
export const openai: Renderer = {
  messages: 2,
  exactTokens: true,
  entryForm: 'fenced',
  systemText: ({ system }) => system,
  frameTexts: fencedFrame,
  entryTexts: fencedEntryTexts,
  numberText: fencedNumber,
  prefix: (layout) => JSON.stringify([layout.system, pinnedSection(layout)]),
  body: (layout) => ({
    messages: [
      { role: 'system', content: layout.system },
      { role: 'user', content: userText(layout) },
    ],
  }),
}
