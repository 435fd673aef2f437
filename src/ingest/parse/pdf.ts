import type { ParsedDocument } from '../document.ts'
import {
  cleanTitle,
  foundMetadata,
  type ParseCaps,
  refuseLongOutput,
  unparsable,
} from './parsed.ts'
import { blocksOfLines, linesOfPage, type PdfLine, type TextItem } from './pdf-lines.ts'
import { withoutRunningLines } from './pdf-running-lines.ts'

/** A PDF's text layer by pages. Pictures of text, encrypted files and broken ones are refused for what they are. */
export async function parsePdf(bytes: Uint8Array, caps: ParseCaps): Promise<ParsedDocument> {
  const document = await openPdf(bytes)
  try {
    if (document.numPages > caps.pages) {
      throw unparsable(`has ${document.numPages} pages; ${caps.pages} are allowed`)
    }
    const lines = await readLines(document, caps)
    if (lines.length === 0) {
      throw unparsable('is a PDF that has no text layer (scanned pages?); run it through OCR first')
    }
    const { title, author } = await readInfo(document)
    const parsed = blocksOfLines(withoutRunningLines(lines), caps)
    return parsed.finish(cleanTitle(title), foundMetadata([['author', cleanTitle(author)]]))
  } finally {
    await document.destroy()
  }
}

type PdfDocument = Awaited<ReturnType<typeof import('unpdf').getDocumentProxy>>

async function openPdf(bytes: Uint8Array): Promise<PdfDocument> {
  const { getDocumentProxy } = await import('unpdf')
  try {
    // A copy, since the reader detaches what it is given, and as a plain Uint8Array: it refuses a Buffer.
    // Scripts of the document are never evaluated, fonts never fetched.
    return await getDocumentProxy(Uint8Array.from(bytes), {
      verbosity: 0,
      isEvalSupported: false,
      stopAtErrors: false,
    })
  } catch (cause) {
    const name = cause instanceof Error ? cause.name : ''
    if (name === 'PasswordException') {
      throw unparsable('is an encrypted PDF; remove its password first', cause)
    }
    if (name !== 'InvalidPDFException') throw cause
    throw unparsable('is not a readable PDF (damaged or cut short)', cause)
  }
}

async function readLines(document: PdfDocument, caps: ParseCaps): Promise<PdfLine[]> {
  const lines: PdfLine[] = []
  let chars = 0
  for (let number = 1; number <= document.numPages; number += 1) {
    for (const line of await readPage(document, number)) {
      chars += line.text.length + 1
      refuseLongOutput(chars, caps)
      lines.push(line)
    }
  }
  return lines
}

async function readPage(document: PdfDocument, number: number): Promise<readonly PdfLine[]> {
  try {
    const page = await document.getPage(number)
    const { items } = await page.getTextContent()
    page.cleanup()
    const texts = items.filter((item): item is typeof item & TextItem => 'str' in item)
    return linesOfPage(texts, number)
  } catch (cause) {
    throw unparsable(`is a damaged PDF: page ${number} cannot be read`, cause)
  }
}

async function readInfo(document: PdfDocument): Promise<{ title: string; author: string }> {
  const { info } = await document.getMetadata()
  const field = (name: string): string => {
    const value: unknown = Reflect.get(info, name)
    return typeof value === 'string' ? value.replaceAll('\0', '') : ''
  }
  return { title: field('Title'), author: field('Author') }
}
