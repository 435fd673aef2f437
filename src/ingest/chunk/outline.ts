import type { Block, ParsedDocument } from '../document.ts'
import { headingText } from '../parse/heading-text.ts'

/** For each block, the headings that it stands under; a heading stands under itself. */
export function headingPaths(parsed: ParsedDocument): (readonly string[])[] {
  const open: { readonly level: number; readonly text: string }[] = []
  let path: readonly string[] = []
  return parsed.blocks.map((block) => {
    if (block.kind !== 'heading') return path
    const level = block.level ?? 1
    while ((open.at(-1)?.level ?? 0) >= level) open.pop()
    open.push({ level, text: headingText(parsed.text.slice(block.start, block.end)) })
    path = open.map(({ text }) => text).filter((text) => text !== '')
    return path
  })
}

const HEADER_CHARS = 500

/** The rows that name a table's columns, and where they end; null for a block that is no table. */
export function tableHeader(
  text: string,
  block: Block,
): { readonly text: string; readonly end: number } | null {
  if (block.kind !== 'table') return null
  const rows = text.slice(block.start, block.end).split('\n', 2)
  const first = rows[0] ?? ''
  const ruled = rows[1] !== undefined && /^[\s|:-]+$/.test(rows[1]) && rows[1].includes('-')
  const length = ruled ? first.length + 1 + (rows[1] ?? '').length : first.length
  return { text: first.trim().slice(0, HEADER_CHARS), end: block.start + length }
}
