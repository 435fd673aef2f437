import type { PdfLine } from './pdf-lines.ts'

/** With fewer pages, what repeats may well be meant. */
const PAGES_MIN = 4
const SHARE_MIN = 0.6
/** Lines at the top of a page, and as many at its bottom, that may be running ones. */
const EDGE_LINES = 2
/** Points between lines that stand at the same place. */
const PLACE = 4

/** Without running headers and footers: equal but for the page's number, at one place on most pages. */
export function withoutRunningLines(lines: readonly PdfLine[]): readonly PdfLine[] {
  const pages = new Map<number, PdfLine[]>()
  for (const line of lines) {
    const page = pages.get(line.page)
    if (page === undefined) pages.set(line.page, [line])
    else page.push(line)
  }
  if (pages.size < PAGES_MIN) return lines
  const edges = [...pages.values()].flatMap(edgeLines)
  const repeats = new Map<string, Set<number>>()
  for (const line of edges) {
    const key = keyOf(line)
    repeats.set(key, (repeats.get(key) ?? new Set()).add(line.page))
  }
  const running = edges.filter(
    (line) => (repeats.get(keyOf(line))?.size ?? 0) >= SHARE_MIN * pages.size,
  )
  const gone = new Set(running)
  const rest = lines.filter((line) => !gone.has(line))
  return rest.length === 0 ? lines : rest
}

function edgeLines(lines: readonly PdfLine[]): readonly PdfLine[] {
  const sorted = lines.toSorted((a, b) => b.y - a.y)
  return [...new Set([...sorted.slice(0, EDGE_LINES), ...sorted.slice(-EDGE_LINES)])]
}

/** Only the page's own number, once, is taken for any number: a sum at the foot of each page is content. */
function keyOf({ text, page, y }: PdfLine): string {
  const words = text.replace(new RegExp(`(?<!\\d)${page}(?!\\d)`), '#')
  return `${Math.round(y / PLACE)} ${words}`
}
