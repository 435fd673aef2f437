import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { parseMarkdown } from '../../src/ingest/parse/markdown.ts'
import { blocksOf, CAPS } from '../support/parsing.ts'

const blocks = (source: string): (string | number)[][] => blocksOf(parseMarkdown(source, CAPS))

describe('blocks', () => {
  test('headings of both kinds', () => {
    expect(blocks('# One #\ntext\n## Two\nThree\n===\nFour\nmore\n---\n#no\n')).toEqual([
      ['heading', 1, '# One #'],
      ['paragraph', 'text'],
      ['heading', 2, '## Two'],
      ['heading', 1, 'Three\n==='],
      ['heading', 2, 'Four\nmore\n---'],
      ['paragraph', '#no'],
    ])
  })

  test('fences keep everything until their own kind closes them, or the end', () => {
    expect(blocks('````js\n# no\n\n```\n````\nafter\n~~~\nopen\n# still')).toEqual([
      ['code', 'js', '````js\n# no\n\n```\n````'],
      ['paragraph', 'after'],
      ['code', '~~~\nopen\n# still'],
    ])
  })

  test('indented code, but not inside a list', () => {
    expect(blocks('text\n\n    code\n\n    more\n\nend')).toEqual([
      ['paragraph', 'text'],
      ['code', '    code\n\n    more'],
      ['paragraph', 'end'],
    ])
    expect(blocks('- a\n\n    still a\n- b\nlazy\n\nend')).toEqual([
      ['list', '- a\n\n    still a\n- b\nlazy'],
      ['paragraph', 'end'],
    ])
  })

  test('tables, quotes, rules', () => {
    expect(blocks('| a | b |\n|---|:-:|\n| 1 | 2 |\n\n> q\nlazy\n\n***\nx | y')).toEqual([
      ['table', '| a | b |\n|---|:-:|\n| 1 | 2 |'],
      ['quote', '> q\nlazy'],
      ['paragraph', '***'],
      ['paragraph', 'x | y'],
    ])
  })

  test('lists end at a heading or at what follows a blank line', () => {
    expect(blocks('1. a\n2. b\n# H\n* c\n\npara')).toEqual([
      ['list', '1. a\n2. b'],
      ['heading', 1, '# H'],
      ['list', '* c'],
      ['paragraph', 'para'],
    ])
  })

  test('are in order, apart, and leave nothing but white space between them', () => {
    const line = fc.constantFrom(
      '# h',
      '```',
      '- i',
      '> q',
      'text',
      '',
      '  ',
      '---',
      '===',
      '| a |',
      '|-|',
      '    c',
      '\tt',
      '1. n',
    )
    fc.assert(
      fc.property(fc.array(line, { maxLength: 30 }), (lines) => {
        const source = lines.join('\n')
        const parsed = parseMarkdown(source, CAPS)
        let end = 0
        for (const block of parsed.blocks) {
          expect(parsed.text.slice(end, block.start).trim()).toBe('')
          expect(block.start).toBeGreaterThanOrEqual(end)
          expect(block.end).toBeGreaterThan(block.start)
          end = block.end
        }
        expect(parsed.text.slice(end).trim()).toBe('')
        expect(parsed.text).toHaveLength(source.length)
      }),
    )
  })
})

describe('front matter', () => {
  const source = `---
title: "The Guide"   
lang: en
draft: false
version: 1.5
id: 007
tags: [a, 'b c']
authors:
  - Ann
  - Bob # who
nested:
  key: value
tenant_id: other
---
# Heading

Body.`

  test('becomes metadata, its title the title', () => {
    const parsed = parseMarkdown(source, CAPS)
    expect(parsed.title).toBe('The Guide')
    expect(parsed.metadata).toEqual({
      lang: 'en',
      draft: false,
      version: 1.5,
      id: '007',
      tags: ['a', 'b c'],
      authors: ['Ann', 'Bob'],
    })
  })

  test('is blanked out, so that offsets are those of the source', () => {
    const parsed = parseMarkdown(source, CAPS)
    expect(blocksOf(parsed)).toEqual([
      ['heading', 1, '# Heading'],
      ['paragraph', 'Body.'],
    ])
    for (const { start, end } of parsed.blocks) {
      expect(source.slice(start, end)).toBe(parsed.text.slice(start, end))
    }
  })

  test('a rule or prose at the top is none', () => {
    expect(blocks('---\nJust: words, with more\nlines of prose.\n---\n')[0]).toEqual([
      'paragraph',
      '---',
    ])
    expect(blocks('---\n\ntext')).toEqual([
      ['paragraph', '---'],
      ['paragraph', 'text'],
    ])
  })
})

describe('the title', () => {
  test.each([
    ['# A [link](x) and `code` #\n', 'A link and code'],
    ['Text\n\nTitle\n=====\n', 'Title'],
    ['## Only two\n', null],
    ['text', null],
  ])('of %j is %j', (source, title) => {
    expect(parseMarkdown(source, CAPS).title).toBe(title)
  })
})
