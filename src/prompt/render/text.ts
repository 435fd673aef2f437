import { fencedEntry, fencedSections, pinnedSection, question } from './fenced-text.ts'
import type { Layout, Renderer } from './layout.ts'

const head = (layout: Layout): string => (layout.system === '' ? '' : `${layout.system}\n\n`)
const whole = (layout: Layout): string => head(layout) + fencedSections(layout) + question(layout)

/** One text, for completion endpoints and for reading. */
export const text: Renderer = {
  messages: 0,
  exactTokens: true,
  texts: (layout) => [whole(layout)],
  entryTexts: (entry) => [fencedEntry(entry)],
  prefix: (layout) => head(layout) + pinnedSection(layout),
  body: (layout) => ({ text: whole(layout) }),
}
