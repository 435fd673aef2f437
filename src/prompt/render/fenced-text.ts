import { fencedAttribute, fencedText } from '../fence.ts'
import { type Entry, entryTitle, type Layout, oncePerEntry } from './layout.ts'

/** Both sections and the question as text. */
export function userText(layout: Layout): string {
  const { pinned, closePinned, retrieved, end } = frameOf(layout)
  const before = pinned + entriesText(layout.pinned) + closePinned
  return before + retrieved + entriesText(layout.retrieved) + end
}

/**
 * The parts of that text that stand around the entries. A part ends in a line break, and the next one or an entry
 * begins with a `<`: no token spans the two, so their counts add up.
 */
export function fencedFrame(layout: Layout): readonly string[] {
  return Object.values(frameOf(layout))
}

/** Empty without pinned documents. */
export function pinnedSection(layout: Layout): string {
  const { pinned, closePinned } = frameOf(layout)
  return pinned + entriesText(layout.pinned) + closePinned
}

interface Frame {
  readonly pinned: string
  readonly closePinned: string
  readonly retrieved: string
  readonly end: string
}

function frameOf(layout: Layout): Frame {
  const { nonces } = layout
  const nothing = layout.pinned.length === 0
  return {
    pinned: nothing ? '' : `<pinned-${nonces.pinned}>\n`,
    closePinned: nothing ? '' : `</pinned-${nonces.pinned}>\n\n`,
    retrieved: `<retrieved-${nonces.retrieved}>\n${layout.retrieved.length === 0 ? '(nothing found)\n' : ''}`,
    end: `</retrieved-${nonces.retrieved}>\n\n${question(layout)}`,
  }
}

function entriesText(entries: readonly Entry[]): string {
  return entries.flatMap(fencedEntryTexts).join('')
}

/** An entry's tag, which holds its number, apart from its text: in two requests only the first may differ. */
export const fencedEntryTexts = oncePerEntry((entry): readonly string[] => {
  const title = fencedAttribute(entryTitle(entry))
  const titled = title === '' ? '' : ` title="${title}"`
  const tag = `<doc n="${entry.n}" id="${fencedAttribute(entry.documentId)}"${titled}>\n`
  const text = `${fencedText(entry.text)}\n</doc>\n`
  // White space or a slash may be one token with the line break before it.
  return /^[\s/]/.test(text) ? [tag + text] : [tag, text]
})

export function question({ instruction, query }: Layout): string {
  const asked = `Question: ${fencedText(query)}`
  return instruction === '' ? asked : `${instruction}\n\n${asked}`
}
