export interface PdfText {
  readonly text: string
  readonly size: number
  readonly y: number
}

/** A minimal PDF: one page for each list of lines, each line at its height and font size. */
export function pdfOf(
  pages: readonly (readonly (string | PdfText)[])[],
  extra: { stream?: Uint8Array; filter?: string; info?: string; trailer?: string } = {},
): Uint8Array {
  const streams = extra.stream === undefined ? pages.map(contentOf) : [Buffer.from(extra.stream)]
  const objects: Buffer[] = []
  const add = (body: string | Buffer): number => objects.push(Buffer.from(body))
  add('<</Type/Catalog/Pages 2 0 R>>')
  const kids = streams.map((_, index) => `${4 + index * 2} 0 R`)
  add(`<</Type/Pages/Kids[${kids.join(' ')}]/Count ${kids.length}>>`)
  add('<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>')
  for (const [index, stream] of streams.entries()) {
    add(
      `<</Type/Page/Parent 2 0 R/MediaBox[0 0 612 792]/Contents ${5 + index * 2} 0 R/Resources<</Font<</F1 3 0 R>>>>>>`,
    )
    const filter = extra.filter === undefined ? '' : `/Filter ${extra.filter}`
    add(
      Buffer.concat([
        Buffer.from(`<</Length ${stream.length}${filter}>>stream\n`),
        stream,
        Buffer.from('\nendstream'),
      ]),
    )
  }
  const info = extra.info === undefined ? 0 : add(extra.info)
  return assemble(objects, `${info === 0 ? '' : `/Info ${info} 0 R`}${extra.trailer ?? ''}`)
}

function contentOf(lines: readonly (string | PdfText)[]): Buffer {
  const drawn = lines.map((line, index) => {
    const { text, size, y } =
      typeof line === 'string' ? { text: line, size: 12, y: 700 - 14 * index } : line
    return `BT /F1 ${size} Tf 72 ${y} Td (${text.replace(/[()\\]/g, '\\$&')}) Tj ET`
  })
  return Buffer.from(drawn.join('\n'))
}

function assemble(objects: readonly Buffer[], trailer: string): Uint8Array {
  const parts = [Buffer.from('%PDF-1.4\n')]
  const offsets: number[] = []
  let length = parts[0]?.length ?? 0
  for (const [index, body] of objects.entries()) {
    const object = Buffer.concat([
      Buffer.from(`${index + 1} 0 obj\n`),
      body,
      Buffer.from('\nendobj\n'),
    ])
    offsets.push(length)
    length += object.length
    parts.push(object)
  }
  const entries = offsets.map((offset) => `${String(offset).padStart(10, '0')} 00000 n \n`)
  parts.push(
    Buffer.from(
      `xref\n0 ${offsets.length + 1}\n0000000000 65535 f \n${entries.join('')}trailer<</Size ${offsets.length + 1}/Root 1 0 R${trailer}>>\nstartxref\n${length}\n%%EOF`,
    ),
  )
  return Buffer.concat(parts)
}
