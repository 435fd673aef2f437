import { fencedAttribute, fencedText } from '../fence.ts'
import { type Entry, entryTitle, type Layout, oncePer } from './layout.ts'

/** Both sections and the question as text. */
export function userText(layout: Layout): string {
  const { retrieved, nothing, end } = frameOf(layout)
  const found = entriesText(layout.retrieved, layout.pinned.length + 1)
  return pinnedSection(layout) + retrieved + nothing + found + end
}

/**
 * The parts of that text that stand around the entries. A part ends in a line break, and the next one or an entry
 * begins with a `<`: no token spans the two, so their counts add up.
 */
export function fencedFrame(layout: Layout): readonly string[] {
  const { pinned, closePinned, retrieved, nothing, end } = frameOf(layout)
  return [pinned, closePinned, retrieved, nothing, end].filter((text) => text !== '')
}

/** Empty without pinned documents. */
export function pinnedSection(layout: Layout): string {
  const { pinned, closePinned } = frameOf(layout)
  return pinned + entriesText(layout.pinned, 1) + closePinned
}

interface Frame {
  readonly pinned: string
  readonly closePinned: string
  readonly retrieved: string
  readonly nothing: string
  readonly end: string
}

function frameOf(layout: Layout): Frame {
  const { nonces } = layout
  const isPinned = layout.pinned.length > 0
  return {
    pinned: isPinned ? `<pinned-${nonces.pinned}>\n` : '',
    closePinned: isPinned ? `</pinned-${nonces.pinned}>\n\n` : '',
    retrieved: `<retrieved-${nonces.retrieved}>\n`,
    nothing: layout.retrieved.length === 0 ? '(nothing found)\n' : '',
    end: `</retrieved-${nonces.retrieved}>\n\n${question(layout)}`,
  }
}

function entriesText(entries: readonly Entry[], first: number): string {
  let text = ''
  for (const [at, entry] of entries.entries()) text += fencedNumber(first + at) + afterNumber(entry)
  return text
}

/** The beginning of an entry's tag. No token spans a digit and a quotation mark, so what follows is counted by itself. */
export function fencedNumber(n: number): string {
  return `<doc n="${n}`
}

export function fencedEntryTexts(entry: Entry): readonly string[] {
  return [afterNumber(entry)]
}

const afterNumber = oncePer((entry: Entry): string => {
  const title = fencedAttribute(entryTitle(entry))
  const titled = title === '' ? '' : ` title="${title}"`
  return `" id="${fencedAttribute(entry.documentId)}"${titled}>\n${fencedText(entry.text)}\n</doc>\n`
})

export function question({ instruction, query }: Layout): string {
  const asked = `Question: ${fencedText(query)}`
  return instruction === '' ? asked : `${instruction}\n\n${asked}`
}
