import { fencedText } from '../fence.ts'
import type { Layout, Renderer } from './layout.ts'

/** What stands before the question in every prompt of a template. It ends before a space, which no token spans. */
export function questionLead({ template: { instruction } }: Layout): string {
  return instruction === '' ? 'Question:' : `${instruction}\n\nQuestion:`
}

export function asked({ query }: Layout): string {
  return ` ${fencedText(query)}`
}

export function question(layout: Layout): string {
  return questionLead(layout) + asked(layout)
}

/** What renderers have in common whose provider takes documents apart from the text that asks. */
export const apart = {
  messages: 2,
  exactTokens: false,
  templateTexts: (layout) => [layout.template.system, questionLead(layout)],
  ownTexts: (layout) => [asked(layout)],
} satisfies Partial<Renderer>
