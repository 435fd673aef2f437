import { fenced, pinnedSection, userText } from './fenced-text.ts'
import type { Layout, Renderer } from './layout.ts'

const head = (layout: Layout): string => (layout.system === '' ? '' : `${layout.system}\n\n`)

/** One text, for completion endpoints and for reading. */
export const text: Renderer = {
  ...fenced,
  messages: 0,
  systemText: head,
  prefix: (layout) => head(layout) + pinnedSection(layout),
  body: (layout) => ({ text: head(layout) + userText(layout) }),
}
