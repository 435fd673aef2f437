import type { MediaType, ParsedDocument } from '../document.ts'
import { decodeHtml, parseHtml } from './html.ts'
import { parseJson, parseJsonLines } from './json.ts'
import { parseMarkdown } from './markdown.ts'
import type { ParseCaps } from './parsed.ts'
import { parsePdf } from './pdf.ts'
import { decodeText, parseText } from './text.ts'

/** Reads a document of any kind known here. Hostile input can hold the thread: only ever call it in a child process. */
export async function parse(
  content: Uint8Array,
  mediaType: MediaType,
  caps: ParseCaps,
): Promise<ParsedDocument> {
  switch (mediaType) {
    case 'text/plain':
      return parseText(decodeText(content), caps)
    case 'text/markdown':
      return parseMarkdown(decodeText(content), caps)
    case 'text/html':
      return parseHtml(decodeHtml(content), caps)
    case 'application/json':
      return parseJson(decodeText(content), caps)
    case 'application/jsonl':
      return parseJsonLines(decodeText(content), caps)
    case 'application/pdf':
      return parsePdf(content, caps)
  }
}
