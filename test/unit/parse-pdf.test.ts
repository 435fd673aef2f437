import { describe, expect, test } from 'vitest'
import { parsePdf } from '../../src/ingest/parse/pdf.ts'
import { blocksOf, CAPS } from '../support/parsing.ts'
import { pdfOf } from '../support/pdf.ts'

const line = (text: string, y: number, size = 12): { text: string; size: number; y: number } => ({
  text,
  size,
  y,
})

describe('PDF', () => {
  test('headings by size, paragraphs by distance, pages, hyphens at line ends', async () => {
    const pdf = pdfOf(
      [
        [
          line('The Big Guide', 740, 24),
          line('Getting started', 700, 16),
          line('This is the first line of a hyphen-', 670),
          line('ated paragraph of the body.', 656),
          line('A second paragraph that stands apart.', 620),
        ],
        [line('On the second page there is more.', 700)],
      ],
      { info: '<</Title(Guide to PDF)/Author(Ann)>>' },
    )
    const parsed = await parsePdf(pdf, CAPS)
    expect(parsed.title).toBe('Guide to PDF')
    expect(parsed.metadata).toEqual({ author: 'Ann' })
    expect(blocksOf(parsed)).toEqual([
      ['heading', 1, 'The Big Guide'],
      ['heading', 2, 'Getting started'],
      ['paragraph', 'This is the first line of a hyphenated paragraph of the body.'],
      ['paragraph', 'A second paragraph that stands apart.'],
      ['paragraph', 'On the second page there is more.'],
    ])
    expect(parsed.blocks.map(({ page }) => page)).toEqual([1, 1, 1, 1, 2])
  })

  const ORDINALS = ['first', 'second', 'third', 'fourth', 'fifth']
  const numbered = (pages: number): Uint8Array =>
    pdfOf(
      Array.from({ length: pages }, (_, n) => [
        line('Harbour rules 2024', 760, 9),
        line(`Body of the ${ORDINALS[n]} page with words.`, 700),
        line('Said on every page, but elsewhere.', 680 - 20 * n),
        line(`Sum: ${100 + n}`, 60),
        line(`Page ${n + 1} of ${pages}`, 30, 9),
      ]),
    )

  test('headers and footers that run through the pages are left out, and nothing else', async () => {
    const { text, blocks } = await parsePdf(numbered(5), CAPS)
    expect(text).not.toMatch(/Harbour rules|Page \d of 5/)
    for (const [n, ordinal] of ORDINALS.entries()) {
      expect(text).toContain(`Body of the ${ordinal} page with words.`)
      expect(text).toContain(`Sum: ${100 + n}`)
    }
    expect(text.match(/Said on every page/g)).toHaveLength(5)
    expect(new Set(blocks.map(({ page }) => page))).toEqual(new Set([1, 2, 3, 4, 5]))
  })

  test('what repeats stays where pages are few, or nothing else is there', async () => {
    expect((await parsePdf(numbered(3), CAPS)).text.match(/Harbour rules/g)).toHaveLength(3)
    const same = pdfOf([['Draft'], ['Draft'], ['Draft'], ['Draft']])
    expect((await parsePdf(same, CAPS)).text.match(/Draft/g)).toHaveLength(4)
  })

  test('the bytes given are left as they were', async () => {
    const pdf = pdfOf([['Hello']])
    const before = Buffer.from(pdf)
    await parsePdf(pdf, CAPS)
    expect(before.equals(pdf)).toBe(true)
  })

  test('without a text layer it says so', async () => {
    await expect(parsePdf(pdfOf([[]]), CAPS)).rejects.toThrow(/has no text layer/)
  })

  test('more pages than allowed are refused with both numbers', async () => {
    await expect(parsePdf(pdfOf([['a'], ['b'], ['c']]), { ...CAPS, pages: 2 })).rejects.toThrow(
      'The document has 3 pages; 2 are allowed.',
    )
  })

  test('an encrypted one is refused as such', async () => {
    const hex = (byte: string): string => `<${byte.repeat(32)}>`
    const encrypt = `/Encrypt<</Filter/Standard/V 1/R 2/P -4/O${hex('41')}/U${hex('42')}>>/ID[${hex('43')}${hex('43')}]`
    await expect(parsePdf(pdfOf([['secret']], { trailer: encrypt }), CAPS)).rejects.toThrow(
      /is an encrypted PDF/,
    )
  })

  test.each([0, 50, 200, 400])(
    'cut after %i bytes it is refused or read, never worse',
    async (length) => {
      const cut = pdfOf([['Hello there, this is a page.']]).subarray(0, length)
      const outcome = await parsePdf(cut, CAPS).catch((error: unknown) => error)
      expect(outcome).toMatchObject(
        outcome instanceof Error ? { code: 'unsupported' } : { blocks: expect.any(Array) },
      )
    },
  )

  test('longer than allowed is refused', async () => {
    const pages = Array.from({ length: 5 }, () => [`${'many words '.repeat(20)}`])
    await expect(parsePdf(pdfOf(pages), { ...CAPS, outputChars: 300 })).rejects.toThrow(
      /300 characters/,
    )
  })
})
