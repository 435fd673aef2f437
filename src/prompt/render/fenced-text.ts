import { fencedAttribute, fencedText } from '../fence.ts'
import { type Entry, entryTitle, type Layout } from './layout.ts'

/** Both sections as text; every part ends in a line break before a `<`, so counts of parts add up to the whole's. */
export function fencedSections(layout: Layout): string {
  return pinnedSection(layout) + retrievedSection(layout)
}

/** Empty without pinned documents. */
export function pinnedSection({ pinned, nonces }: Layout): string {
  if (pinned.length === 0) return ''
  return section(`pinned-${nonces.pinned}`, pinned.map(fencedEntry).join(''))
}

function retrievedSection({ retrieved, nonces }: Layout): string {
  const entries = retrieved.map(fencedEntry).join('')
  return section(`retrieved-${nonces.retrieved}`, entries === '' ? '(nothing found)\n' : entries)
}

function section(name: string, content: string): string {
  return `<${name}>\n${content}</${name}>\n\n`
}

export function fencedEntry(entry: Entry): string {
  const title = fencedAttribute(entryTitle(entry))
  const titled = title === '' ? '' : ` title="${title}"`
  return `<doc n="${entry.n}" id="${fencedAttribute(entry.documentId)}"${titled}>\n${fencedText(entry.text)}\n</doc>\n`
}

export function question({ instruction, query }: Layout): string {
  const asked = `Question: ${fencedText(query)}`
  return instruction === '' ? asked : `${instruction}\n\n${asked}`
}
