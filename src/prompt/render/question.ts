import { fencedText } from '../fence.ts'
import type { Layout } from './layout.ts'

/** What stands before the question in every prompt of a template. It ends before a space, which no token spans. */
export function questionLead({ instruction }: Layout): string {
  return instruction === '' ? 'Question:' : `${instruction}\n\nQuestion:`
}

export function asked({ query }: Layout): string {
  return ` ${fencedText(query)}`
}

export function question(layout: Layout): string {
  return questionLead(layout) + asked(layout)
}
