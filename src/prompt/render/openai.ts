import { fenced } from './fenced-text.ts'
import type { Renderer } from './layout.ts'

/** Chat completions: documents in the user's message, never in the system's, between tags. */
export function openai(): Renderer {
  const { frameTexts, pinnedSection, userText, ...parts } = fenced()
  return {
    ...parts,
    messages: 2,
    templateTexts: (layout) => [layout.system, ...frameTexts(layout)],
    prefix: (layout) => JSON.stringify([layout.system, pinnedSection(layout)]),
    body: (layout) => ({
      messages: [
        { role: 'system', content: layout.system },
        { role: 'user', content: userText(layout) },
      ],
    }),
  }
}
