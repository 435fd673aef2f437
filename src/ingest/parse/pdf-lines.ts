import { type BlockWriter, blockWriter, type ParseCaps } from './parsed.ts'

/** A run of glyphs as the PDF reader gives it; `transform` ends in x and y, y growing upwards. */
export interface TextItem {
  readonly str: string
  readonly transform: readonly number[]
  readonly height: number
  readonly hasEOL: boolean
}

export interface PdfLine {
  readonly text: string
  readonly page: number
  readonly y: number
  /** Font size in points, of the tallest run. */
  readonly size: number
}

/** Joins the runs of a page into lines, as the reader marks their ends. */
export function linesOfPage(items: readonly TextItem[], page: number): PdfLine[] {
  const lines: PdfLine[] = []
  let text = ''
  let y = 0
  let size = 0
  const close = (): void => {
    const clean = text
      .replace(/[\0\p{Cs}]/gu, '')
      .replace(/\s+/g, ' ')
      .trim()
    if (clean !== '') lines.push({ text: clean, page, y, size })
    text = ''
    size = 0
  }
  for (const item of items) {
    if (item.str.trim() !== '') {
      if (size === 0) y = item.transform[5] ?? 0
      size = Math.max(size, item.height)
    }
    text += item.str
    if (item.hasEOL) close()
  }
  close()
  return lines
}

/** A line is a heading when it is this much larger than the body's, and no longer than this. */
const HEADING_RATIO = 1.15
const HEADING_CHARS = 200
/** Lines further apart than this many font sizes belong to two paragraphs. */
const PARAGRAPH_GAP = 1.75

/** Lines to paragraphs and headings, by their distance and their size against the most common one. */
export function blocksOfLines(lines: readonly PdfLine[], caps: ParseCaps): BlockWriter {
  const writer = blockWriter(caps)
  const levels = headingLevels(lines)
  let open: PdfLine[] = []
  const flush = (): void => {
    const first = open[0]
    if (first === undefined) return
    const level = levels.get(sizeKey(first))
    const text = joinLines(open.map((line) => line.text))
    if (level !== undefined && text.length <= HEADING_CHARS) {
      writer.add('heading', text, { level, page: first.page })
    } else writer.add('paragraph', text, { page: first.page })
    open = []
  }
  for (const line of lines) {
    const before = open.at(-1)
    if (before !== undefined && partsParagraph(before, line)) flush()
    open.push(line)
  }
  flush()
  return writer
}

function partsParagraph(before: PdfLine, line: PdfLine): boolean {
  if (before.page !== line.page || sizeKey(before) !== sizeKey(line)) return true
  const distance = Math.abs(before.y - line.y)
  return distance > PARAGRAPH_GAP * Math.max(line.size, 1)
}

/** The body's size is the one that most characters have; each larger one is a level, the largest the first. */
function headingLevels(lines: readonly PdfLine[]): ReadonlyMap<number, number> {
  const chars = new Map<number, number>()
  for (const line of lines) {
    chars.set(sizeKey(line), (chars.get(sizeKey(line)) ?? 0) + line.text.length)
  }
  const [body = 0] = [...chars].reduce((best, entry) => (entry[1] > best[1] ? entry : best), [0, 0])
  const larger = [...chars.keys()]
    .filter((size) => size > body * HEADING_RATIO)
    .sort((a, b) => b - a)
  return new Map(larger.map((size, index) => [size, Math.min(index + 1, 6)]))
}

function sizeKey(line: PdfLine): number {
  return Math.round(line.size * 2) / 2
}

/** A word broken at a line end is made whole when it goes on in lower case. */
function joinLines(texts: readonly string[]): string {
  return texts.join('\n').replace(/(\p{L})[-\u00ad\u2010]\n(?=\p{Ll})/gu, '$1')
}
