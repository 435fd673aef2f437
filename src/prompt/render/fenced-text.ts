import { fencedAttribute, fencedText } from '../fence.ts'
import { oncePer } from '../once-per.ts'
import { type Entry, entryTitle, type Layout, type Renderer } from './layout.ts'
import { asked, questionLead } from './question.ts'

/** What renderers have in common that put documents between tags. */
export interface Fenced
  extends Pick<Renderer, 'exactTokens' | 'entryForm' | 'ownTexts' | 'entryTexts' | 'numberText'> {
  /** What stands around the entries and the names of fences. */
  frameTexts(layout: Layout): readonly string[]
  /** Both sections and the question as text. */
  userText(layout: Layout): string
  /** Empty without pinned documents. */
  pinnedSection(layout: Layout): string
}

export function fenced(): Fenced {
  const afterNumber = oncePer(textAfterNumber)
  const entriesText = (entries: readonly Entry[], first: number): string => {
    let text = ''
    for (const [at, entry] of entries.entries()) text += numberText(first + at) + afterNumber(entry)
    return text
  }
  const pinnedSection = (layout: Layout): string => {
    const { pinned } = layout
    return pinned.length === 0 ? '' : inFence(pinnedFence(layout), entriesText(pinned, 1))
  }
  return {
    exactTokens: true,
    entryForm: 'fenced',
    frameTexts: (layout) => fences(layout).flatMap(({ open, close }) => [...open, ...close]),
    ownTexts(layout) {
      const { pinned, retrieved } = layout.nonces
      const names = [retrieved, retrieved]
      if (layout.pinned.length > 0) names.push(pinned, pinned)
      return [...names, asked(layout)]
    },
    entryTexts: (entry) => [afterNumber(entry)],
    numberText,
    pinnedSection,
    userText(layout) {
      const found = entriesText(layout.retrieved, layout.pinned.length + 1)
      return pinnedSection(layout) + inFence(retrievedFence(layout), found) + asked(layout)
    },
  }
}

/**
 * What stands around the entries of a section. Its parts end or begin beside a digit of its name, end in a line break
 * that a `<` follows, or before a space: no token spans two parts, so their counts add up.
 */
interface Fence {
  readonly name: string
  /** Before the name and behind it. */
  readonly open: readonly [string, string]
  readonly close: readonly [string, string]
}

function fences(layout: Layout): readonly Fence[] {
  const retrieved = retrievedFence(layout)
  return layout.pinned.length === 0 ? [retrieved] : [pinnedFence(layout), retrieved]
}

function pinnedFence({ nonces }: Layout): Fence {
  return { name: nonces.pinned, open: ['<pinned-', '>\n'], close: ['</pinned-', '>\n\n'] }
}

function retrievedFence(layout: Layout): Fence {
  const nothing = layout.retrieved.length === 0 ? '(nothing found)\n' : ''
  return {
    name: layout.nonces.retrieved,
    open: ['<retrieved-', `>\n${nothing}`],
    close: ['</retrieved-', `>\n\n${questionLead(layout)}`],
  }
}

function inFence({ name, open, close }: Fence, entries: string): string {
  return open.join(name) + entries + close.join(name)
}

/** The beginning of an entry's tag. No token spans a digit and a quotation mark, so what follows is counted by itself. */
function numberText(n: number): string {
  return `<doc n="${n}`
}

function textAfterNumber(entry: Entry): string {
  const title = fencedAttribute(entryTitle(entry))
  const titled = title === '' ? '' : ` title="${title}"`
  return `" id="${fencedAttribute(entry.documentId)}"${titled}>\n${fencedText(entry.text)}\n</doc>\n`
}
