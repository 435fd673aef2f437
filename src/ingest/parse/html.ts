import { Parser } from 'htmlparser2'
import type { ParsedDocument } from '../document.ts'
import { HtmlText } from './html-text.ts'
import { type ParseCaps, refuseDepth } from './parsed.ts'
import { decodeText } from './text.ts'

/** HTML's readable text in blocks; scripts, navigation, hidden parts and forms are left out. */
export function parseHtml(html: string, caps: ParseCaps): ParsedDocument {
  const writer = new HtmlText(caps)
  let depth = 0
  const parser = new Parser(
    {
      onopentag(name, attributes) {
        depth += 1
        refuseDepth(depth, caps, 'markup')
        writer.open(name, attributes)
      },
      ontext: (text) => writer.text(text),
      onclosetag(name) {
        depth -= 1
        writer.close(name)
      },
    },
    { decodeEntities: true, lowerCaseTags: true, lowerCaseAttributeNames: true },
  )
  parser.end(html)
  return writer.finish()
}

const DECLARED = /<meta[^>]{0,200}?charset\s*=\s*["']?\s*([a-z0-9_:-]{2,40})/i

/** Pages that are not UTF-8 say so in a meta tag within their first kilobyte; what they say is taken when it is known. */
export function decodeHtml(bytes: Uint8Array): string {
  const head = Buffer.from(bytes.buffer, bytes.byteOffset, Math.min(bytes.length, 1024))
  const declared = DECLARED.exec(head.toString('latin1'))?.[1]?.toLowerCase()
  if (declared === undefined || /^utf-?(?:8|16)/.test(declared)) return decodeText(bytes)
  try {
    const decoder = new TextDecoder(declared, { fatal: true })
    const text = decoder.decode(bytes)
    const repaired = decoder.encoding === 'windows-1252' ? repairWindows1252(text) : text
    return decodeText(new TextEncoder().encode(repaired))
  } catch {
    // An unknown or untrue declaration: UTF-8 it must be then, and decodeText says where it is not.
    return decodeText(bytes)
  }
}

const WINDOWS_1252 =
  '\u20ac\u0081\u201a\u0192\u201e\u2026\u2020\u2021\u02c6\u2030\u0160\u2039\u0152\u008d\u017d\u008f\u0090\u2018\u2019\u201c\u201d\u2022\u2013\u2014\u02dc\u2122\u0161\u203a\u0153\u009d\u017e\u0178'

/** Node before 24 decodes windows-1252 as Latin-1, which has controls where this encoding has quotes and the euro. */
function repairWindows1252(text: string): string {
  return text.replace(/[\u0080-\u009f]/g, (control) => {
    return WINDOWS_1252.charAt(control.charCodeAt(0) - 0x80)
  })
}
