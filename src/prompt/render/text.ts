import { fenced } from './fenced-text.ts'
import type { Layout, Renderer } from './layout.ts'

const head = ({ template: { system } }: Layout): string => (system === '' ? '' : `${system}\n\n`)

/** One text, for completion endpoints and for reading. */
export function text(): Renderer {
  const { frameTexts, pinnedSection, userText, ...parts } = fenced()
  return {
    format: 'text',
    messages: 0,
    templateTexts: (layout) => [head(layout), ...frameTexts(layout)],
    prefix: (layout) => head(layout) + pinnedSection(layout),
    body: (layout) => ({ text: head(layout) + userText(layout) }),
    ...parts,
  }
}
