import { describe, expect, test } from 'vitest'
import { decodeHtml, parseHtml } from '../../src/ingest/parse/html.ts'
import { blocksOf, bytesOf, CAPS } from '../support/parsing.ts'

const blocks = (html: string): (string | number)[][] => blocksOf(parseHtml(html, CAPS))

describe('HTML', () => {
  test('title, language and description', () => {
    const parsed = parseHtml(
      `<html lang="de"><head><title> A &amp;
       B </title><meta name="Description" content="What it is"><style>p{}</style></head><body><h1>H</h1><p>x</p>`,
      CAPS,
    )
    expect(parsed.title).toBe('A & B')
    expect(parsed.metadata).toEqual({ lang: 'de', description: 'What it is' })
    expect(parsed.text).toBe('H\n\nx')
  })

  test('the first h1 is the title of a page without one', () => {
    expect(parseHtml('<h2>Two</h2><h1>One <b>bold</b></h1>', CAPS).title).toBe('One bold')
  })

  test('headings and paragraphs, white space collapsed', () => {
    expect(
      blocks('<div><h2>A\n  title</h2>Text <b>bold</b>\n text.<p>One<br>two<p>Three</div>tail'),
    ).toEqual([
      ['heading', 2, 'A title'],
      ['paragraph', 'Text bold text.'],
      ['paragraph', 'One\ntwo'],
      ['paragraph', 'Three'],
      ['paragraph', 'tail'],
    ])
  })

  test('lists with their nesting and numbers', () => {
    expect(
      blocks('<ul><li>a<ul><li>b</li></ul></li><li><p>c</p></li></ul><ol><li>x<li>y</ol>'),
    ).toEqual([
      ['list', '- a\n  - b\n- c'],
      ['list', '1. x\n2. y'],
    ])
  })

  test('tables row by row', () => {
    const html = `<table><caption>T</caption><thead><tr><th>Key</th><th>Value</th></tr></thead>
      <tbody><tr><td>a</td><td><p>1</p><p>2</p></td></tr></tbody></table>`
    expect(blocks(html)).toEqual([['table', 'T\nKey | Value\na | 1 2']])
  })

  test('code as it is, with its language', () => {
    expect(
      blocks(
        '<pre><code class="hl language-ts">if (a) {\n    b()\n\n}\n</code></pre><p>x <code>y</code></p>',
      ),
    ).toEqual([
      ['code', 'ts', 'if (a) {\n    b()\n\n}'],
      ['paragraph', 'x y'],
    ])
  })

  test('quotes, pictures by their words', () => {
    expect(
      blocks('<blockquote><p>q</p></blockquote><p>see <img alt="a chart" src=x> here</p>'),
    ).toEqual([
      ['quote', 'q'],
      ['paragraph', 'see a chart here'],
    ])
  })

  test.each([
    'script',
    'style',
    'nav',
    'footer',
    'svg',
    'template',
    'noscript',
    'select',
    'iframe',
  ])('<%s> is left out', (tag) => {
    expect(parseHtml(`<p>a</p><${tag}><b>secret</b></${tag}><p>b</p>`, CAPS).text).toBe('a\n\nb')
  })

  test.each(['hidden', 'style="color:red; display : none"', 'aria-hidden="true"'])(
    'what %s hides is left out',
    (attribute) => {
      expect(
        parseHtml(
          `<p>a</p><div ${attribute}><p>secret</p></div><img ${attribute} alt="x"><p>b</p>`,
          CAPS,
        ).text,
      ).toBe('a\n\nb')
    },
  )

  test('nothing at all is no block', () => {
    expect(blocks('')).toEqual([])
    expect(blocks('<p> </p><ul></ul><table></table>')).toEqual([])
  })

  test('nesting beyond the limit is refused', () => {
    expect(() => parseHtml('<div>'.repeat(513), CAPS)).toThrow(
      /nests markup deeper than the 512 levels/,
    )
    expect(parseHtml(`${'<div>'.repeat(512)}x`, CAPS).text).toBe('x')
  })

  test('more text than allowed is refused', () => {
    expect(() => parseHtml('<p>some words</p>'.repeat(20_000), CAPS)).toThrow(/100000 characters/)
  })

  test('a declared old encoding is followed, an untrue one is not', () => {
    const latin = Buffer.from('<meta charset="windows-1252"><p>caf\xe9 \x80</p>', 'latin1')
    expect(decodeHtml(latin)).toContain('café €')
    expect(decodeHtml(bytesOf('<meta charset="klingon"><p>café</p>'))).toContain('café')
    expect(() => decodeHtml(Buffer.from('<p>caf\xe9</p>', 'latin1'))).toThrow(/not valid UTF-8/)
  })

  test('what a database cannot hold is replaced', () => {
    expect(parseHtml('<p>a&#0;b&#xd800;c</p>', CAPS).text).toBe('a\ufffdb\ufffdc')
  })
})
