const HEADING_CHARS = 300

/** A heading as a reader hears it: without Markdown's marks, on one line. */
export function headingText(source: string): string {
  return source
    .slice(0, HEADING_CHARS)
    .replace(/\n\s*(?:=+|-+)\s*$/, '')
    .replace(/^\s*#{1,6}(?:\s+|$)/, '')
    .replace(/\s+#+\s*$/, '')
    .replace(/!?\[([^\]]*)\]\([^)]*\)/g, '$1')
    .replace(/`|\*\*|__/g, '')
    .replace(/\s+/g, ' ')
    .trim()
}
