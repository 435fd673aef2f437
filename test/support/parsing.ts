import type { ParsedDocument } from '../../src/ingest/document.ts'

export const CAPS = { outputChars: 100_000, depth: 512, pages: 100, lineChars: 10_000 }

export const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text)

/** Each block as its kind, its level or language where it has one, and its text. */
export function blocksOf({ text, blocks }: ParsedDocument): (string | number)[][] {
  return blocks.map(({ kind, level, language, start, end }) =>
    [kind, level, language, text.slice(start, end)].filter((part) => part !== undefined),
  )
}
