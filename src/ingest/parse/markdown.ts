import type { Block, ParsedDocument } from '../document.ts'
import { readFrontMatter } from './front-matter.ts'
import { headingText } from './heading-text.ts'
import { cleanTitle, foundMetadata, type ParseCaps, refuseLongOutput } from './parsed.ts'
import { type Line, linesOf } from './text.ts'

const ATX = /^ {0,3}(#{1,6})(?:[ \t]|$)/
const SETEXT = /^ {0,3}(=+|-+)[ \t]*$/
const FENCE = /^[ \t]*(`{3,}|~{3,})[ \t]*([^\s`]*)/
const LIST_ITEM = /^[ \t]*(?:[-*+]|\d{1,9}[.)])(?:[ \t]|$)/
const QUOTE = /^ {0,3}>/
const INDENTED = /^(?: {4}|\t)/
const RULE = /^ {0,3}(?:\*[ \t]*){3,}$|^ {0,3}(?:-[ \t]*){3,}$|^ {0,3}(?:_[ \t]*){3,}$/
/** Longer lines are prose: no mark of structure needs more, and no pattern ever sees more. */
const LINE_MARK_CHARS = 2_000

/**
 * Markdown's block structure by one pass over its lines; the text stays as written, so spans hold in the source.
 * Front matter becomes metadata and is blanked out, space for character, which keeps every offset.
 */
export function parseMarkdown(source: string, caps: ParseCaps): ParsedDocument {
  refuseLongOutput(source.length, caps)
  const front = readFrontMatter(source)
  const text =
    front === null
      ? source
      : source.slice(0, front.end).replace(/[^\n]/g, ' ') + source.slice(front.end)
  const blocks = scanBlocks(text)
  const first = blocks.find((block) => block.kind === 'heading' && block.level === 1)
  const named = front?.fields.get('title')
  const title =
    typeof named === 'string' ? named : first && headingText(text.slice(first.start, first.end))
  const fields = [...(front?.fields ?? [])].filter(([name]) => name !== 'title')
  return { text, title: cleanTitle(title), blocks, metadata: foundMetadata(fields) }
}

interface OpenBlock {
  kind: Block['kind']
  readonly start: number
  end: number
  facts: Pick<Block, 'level' | 'language'>
  /** Of a fence: the characters that close it. */
  readonly closing: string | null
  /** A thematic break, which is one line. */
  readonly rule: boolean
  /** A blank line has been seen since `end`. */
  gap: boolean
}

function scanBlocks(text: string): Block[] {
  const blocks: Block[] = []
  let open: OpenBlock | null = null
  for (const [line, next] of pairs(linesOf(text))) {
    const content = lineHead(text, line)
    if (open !== null) {
      const step = continueBlock(open, content, line)
      if (step === 'taken') continue
      blocks.push(closed(open))
      open = null
      if (step === 'closed') continue
    }
    if (!isBlank(content)) open = openBlock(content, lineHead(text, next), line)
  }
  if (open !== null) blocks.push(closed(open))
  return blocks
}

/** Each line with the one after it. */
function* pairs(lines: Iterable<Line>): Generator<[Line, Line | undefined]> {
  let before: Line | undefined
  for (const line of lines) {
    if (before !== undefined) yield [before, line]
    before = line
  }
  if (before !== undefined) yield [before, undefined]
}

function lineHead(text: string, line: Line | undefined): string {
  if (line === undefined) return ''
  return text.slice(line.start, Math.min(line.end, line.start + LINE_MARK_CHARS))
}

function closed({ kind, start, end, facts }: OpenBlock): Block {
  return { kind, start, end, ...facts }
}

/** `taken`: the line belongs to the block; `closed`: it is the last one; `ended`: the block ended before it. */
type Step = 'taken' | 'closed' | 'ended'

function continueBlock(open: OpenBlock, content: string, line: Line): Step {
  if (open.kind === 'heading' || open.rule) return 'ended'
  if (open.closing !== null) return continueFence(open, open.closing, content, line)
  if (isBlank(content)) {
    open.gap = true
    return open.kind === 'list' || (open.kind === 'code' && open.closing === null)
      ? 'taken'
      : 'closed'
  }
  if (open.kind === 'paragraph') return continueParagraph(open, content, line)
  const belongs = continues(open, content)
  if (belongs) take(open, line)
  return belongs ? 'taken' : 'ended'
}

function continueFence(open: OpenBlock, closing: string, content: string, line: Line): Step {
  take(open, line)
  const mark = content.trim()
  const closes = mark.startsWith(closing) && mark === closing.charAt(0).repeat(mark.length)
  return closes ? 'closed' : 'taken'
}

function continueParagraph(open: OpenBlock, content: string, line: Line): Step {
  const underline = SETEXT.exec(content)
  if (underline !== null) {
    take(open, line)
    open.kind = 'heading'
    open.facts = { level: underline[1]?.startsWith('=') ? 1 : 2 }
    return 'closed'
  }
  if (interrupts(content)) return 'ended'
  take(open, line)
  return 'taken'
}

function continues(open: OpenBlock, content: string): boolean {
  if (open.kind === 'list') {
    if (/^\s/.test(content)) return true
    if (RULE.test(content) || ATX.test(content)) return false
    return LIST_ITEM.test(content) || (!open.gap && !interrupts(content))
  }
  if (open.kind === 'code') return INDENTED.test(content)
  if (open.kind === 'quote') return QUOTE.test(content) || !interrupts(content)
  return open.kind === 'table' && !interrupts(content)
}

function take(open: OpenBlock, line: Line): void {
  open.end = line.end
  open.gap = false
}

/** What begins a block of its own even right below a paragraph. */
function interrupts(content: string): boolean {
  return (
    ATX.test(content) ||
    FENCE.test(content) ||
    QUOTE.test(content) ||
    RULE.test(content) ||
    /^ {0,3}(?:[-*+]|1[.)])[ \t]+\S/.test(content)
  )
}

function openBlock(content: string, following: string, line: Line): OpenBlock {
  const block = (
    kind: Block['kind'],
    facts: OpenBlock['facts'] = {},
    closing: string | null = null,
  ) => ({
    kind,
    start: line.start,
    end: line.end,
    facts,
    closing,
    rule: false,
    gap: false,
  })
  const heading = ATX.exec(content)
  if (heading !== null) return block('heading', { level: heading[1]?.length ?? 1 })
  const fence = FENCE.exec(content)
  if (fence !== null)
    return block('code', fence[2] ? { language: fence[2] } : {}, fence[1] ?? '```')
  if (RULE.test(content)) return { ...block('paragraph'), rule: true }
  if (QUOTE.test(content)) return block('quote')
  if (LIST_ITEM.test(content)) return block('list')
  if (INDENTED.test(content)) return block('code')
  if (content.includes('|') && isDelimiterRow(following)) return block('table')
  return block('paragraph')
}

function isDelimiterRow(content: string): boolean {
  return content.includes('|') && content.includes('-') && /^[\s|:-]+$/.test(content)
}

function isBlank(content: string): boolean {
  return content.trim() === ''
}
