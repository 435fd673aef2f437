import { fenced } from './fenced-text.ts'
import type { Renderer } from './layout.ts'

/** Chat completions: documents in the user's message, never in the system's, between tags. */
export function openai(): Renderer {
  const { frameTexts, pinnedSection, userText, ...parts } = fenced()
  return {
    format: 'openai',
    messages: 2,
    templateTexts: (layout) => [layout.template.system, ...frameTexts(layout)],
    prefix: (layout) => JSON.stringify([layout.template.system, pinnedSection(layout)]),
    body: (layout) => ({
      messages: [
        { role: 'system', content: layout.template.system },
        { role: 'user', content: userText(layout) },
      ],
    }),
    ...parts,
  }
}
