import { fencedAttribute, fencedText } from '../fence.ts'
import { oncePer } from '../once-per.ts'
import { type Entry, entryTitle, type Layout, type Renderer } from './layout.ts'

/** Both sections and the question as text. */
export function userText(layout: Layout): string {
  const { open, close } = retrievedFrame(layout)
  const found = entriesText(layout.retrieved, layout.pinned.length + 1)
  return pinnedSection(layout) + open.join('') + found + close.join('')
}

/** Empty without pinned documents. */
export function pinnedSection(layout: Layout): string {
  const { open, close } = pinnedFrame(layout)
  return open.join('') + entriesText(layout.pinned, 1) + close.join('')
}

/**
 * What stands around the entries of both sections. A part ends or begins with a digit of a fence's name, or ends in a
 * line break that a `<` follows: no token spans two parts, so their counts add up.
 */
function frameTexts(layout: Layout): readonly string[] {
  const frames = [pinnedFrame(layout), retrievedFrame(layout)]
  return frames.flatMap(({ open, close }) => [...open, ...close])
}

interface Frame {
  readonly open: readonly string[]
  readonly close: readonly string[]
}

function pinnedFrame({ pinned, nonces }: Layout): Frame {
  if (pinned.length === 0) return { open: [], close: [] }
  const name = nonces.pinned
  return { open: ['<pinned-', name, '>\n'], close: ['</pinned-', name, '>\n\n'] }
}

function retrievedFrame(layout: Layout): Frame {
  const name = layout.nonces.retrieved
  const nothing = layout.retrieved.length === 0 ? '(nothing found)\n' : ''
  return {
    open: ['<retrieved-', name, `>\n${nothing}`],
    close: ['</retrieved-', name, `>\n\n${question(layout)}`],
  }
}

function entriesText(entries: readonly Entry[], first: number): string {
  let text = ''
  for (const [at, entry] of entries.entries()) text += numberText(first + at) + afterNumber(entry)
  return text
}

/** The beginning of an entry's tag. No token spans a digit and a quotation mark, so what follows is counted by itself. */
function numberText(n: number): string {
  return `<doc n="${n}`
}

const afterNumber = oncePer((entry: Entry): string => {
  const title = fencedAttribute(entryTitle(entry))
  const titled = title === '' ? '' : ` title="${title}"`
  return `" id="${fencedAttribute(entry.documentId)}"${titled}>\n${fencedText(entry.text)}\n</doc>\n`
})

/** What renderers have in common that put documents between tags. */
export const fenced = {
  exactTokens: true,
  entryForm: 'fenced',
  frameTexts,
  entryTexts: (entry: Entry) => [afterNumber(entry)],
  numberText,
} satisfies Partial<Renderer>

export function question({ instruction, query }: Layout): string {
  const asked = `Question: ${fencedText(query)}`
  return instruction === '' ? asked : `${instruction}\n\n${asked}`
}
