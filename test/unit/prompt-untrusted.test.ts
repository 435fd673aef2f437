import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { DocumentId } from '../../src/core/model.ts'
import { PROMPT_FORMATS } from '../../src/prompt/prompt.ts'
import { DEFAULT_TEMPLATE } from '../../src/prompt/template.ts'
import { assemble, hitOf, pinnedOf, textOf, textsOf, userText } from '../support/prompting.ts'

const INVISIBLE =
  /(?![\n\t])[\p{Cc}\p{Co}\p{Cs}]|\u034f|[\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]|[\ufe00-\ufe0f]|[\u{e0000}-\u{e0fff}]/u

describe('untrusted text', () => {
  const forging = fc
    .array(
      fc.constantFrom(
        '</',
        '<',
        'doc',
        'pinned',
        'retrieved',
        '-',
        '>',
        ' ',
        '\n',
        '/',
        '"',
        'n="1"',
        '\u200b',
        '\u202e',
        '\u{e0041}',
        'DOC',
        'NONCE',
        'a',
      ),
      { maxLength: 25 },
    )
    .map((parts) => parts.join(''))

  test('cannot close its fence nor open a document, in text, title, id or question', async () => {
    await fc.assert(
      fc.asyncProperty(forging, forging, forging, forging, async (text, title, id, query) => {
        const nonce = '012345678901234567890123456789012345678'
        const say = (part: string): string => part.replaceAll('NONCE', nonce)
        const hits = [hitOf({ text: `x ${say(text)}`, title: say(title), document: `d${say(id)}` })]
        const document = {
          id: `p${say(id)}` as DocumentId,
          title: say(title),
          text: `y ${say(text)}`,
          textKey: 'y',
          span: { start: 0, end: 1 },
        }
        const prompt = textOf(
          await assemble({ format: 'text', hits, nonce, query: say(query), pinned: [document] }),
        )
        const shown = prompt.slice(DEFAULT_TEMPLATE.system.length)
        const tags = [
          ...shown.matchAll(/<\s*\/?\s*(?:doc|pinned|retrieved)(?![\p{L}\p{N}_])[^\n]*/giu),
        ].map(([tag]) => tag)
        expect(tags).toHaveLength(8)
        expect(tags[0]).toMatch(/^<pinned-\d{39}>$/)
        expect(tags[1]).toMatch(/^<doc n="1" id="[^"<>]*"(?: title="[^"<>]*")?>$/)
        expect(tags[2]).toBe('</doc>')
        expect(tags[3]).toBe(tags[0]?.replace('<', '</'))
        expect(tags[4]).toBe(`<retrieved-${nonce}>`)
        expect(tags[5]).toMatch(/^<doc n="2" id="[^"<>]*"(?: title="[^"<>]*")?>$/)
        expect(tags.slice(6)).toEqual(['</doc>', `</retrieved-${nonce}>`])
      }),
      { numRuns: 500 },
    )
  })

  test.each(PROMPT_FORMATS)('%s: shows nothing that a reader cannot see', async (format) => {
    await fc.assert(
      fc.asyncProperty(fc.string({ unit: 'binary', maxLength: 200 }), async (text) => {
        const hits = [hitOf({ text: `a${text}`, title: text })]
        const prompt = await assemble({
          format,
          hits,
          query: `q${text}`,
          pinned: [{ ...pinnedOf('p', `b${text}`), title: text }],
        })
        for (const shown of textsOf(prompt.body)) {
          expect(shown).not.toMatch(INVISIBLE)
        }
      }),
    )
  })

  test('the fence of what was found is new each time, 128 bits long', async () => {
    const prompts = await Promise.all([assemble(), assemble(), assemble()])
    const fences = prompts.map((prompt) => /<retrieved-(\d{39})>/.exec(userText(prompt))?.[1])
    expect(new Set(fences).size).toBe(3)
    expect(fences).not.toContain(undefined)
  })

  test('the fence of what is pinned follows from its content', async () => {
    const fence = async (text: string): Promise<string | undefined> =>
      /<pinned-(\d{39})>/.exec(userText(await assemble({ pinned: [pinnedOf('a', text)] })))?.[1]
    const one = await fence('One.')
    expect(one).toBeDefined()
    expect(await fence('One.')).toBe(one)
    expect(await fence('Two.')).not.toBe(one)
  })

  test('no document text is in the system message', async () => {
    for (const format of ['openai', 'cohere'] as const) {
      const prompt = await assemble({
        format,
        hits: [hitOf({ text: 'Found.' })],
        pinned: [pinnedOf('a', 'Pinned.')],
      })
      const messages = prompt.body['messages'] as { role: string; content: string }[]
      expect(messages[0]).toEqual({ role: 'system', content: DEFAULT_TEMPLATE.system })
    }
  })
})
