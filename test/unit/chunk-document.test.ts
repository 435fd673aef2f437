import fc from 'fast-check'
import { beforeAll, describe, expect, test } from 'vitest'
import type { Tokenizer } from '../../src/core/tokenizer.ts'
import { chunkDocument, chunkerFingerprint } from '../../src/ingest/chunk/chunk-document.ts'
import type {
  ChunkDraft,
  ChunkerOptions,
  MediaType,
  ParsedDocument,
} from '../../src/ingest/document.ts'
import { parse } from '../../src/ingest/parse/parse.ts'
import { openTokenizer } from '../../src/tokenizer/o200k.ts'

const CAPS = { outputChars: 10_000_000, depth: 512, pages: 100, lineChars: 1_000_000 }

let tokenizer: Tokenizer
beforeAll(async () => {
  tokenizer = await openTokenizer()
})

const read = (source: string, mediaType: MediaType = 'text/markdown'): Promise<ParsedDocument> =>
  parse(new TextEncoder().encode(source), mediaType, CAPS)

async function chunk(
  source: string,
  options: Partial<ChunkerOptions> & { mediaType?: MediaType; title?: string } = {},
): Promise<ChunkDraft[]> {
  const parsed = await read(source, options.mediaType)
  const { tokensMax = 384, overlapTokens = 0 } = options
  return chunkDocument(
    parsed,
    { tokensMax, overlapTokens },
    tokenizer,
    options.title ?? parsed.title,
  )
}

const sentence = 'The quick brown fox jumps over the lazy dog near the river bank. '

describe('what every chunking keeps', () => {
  const word = fc.oneof(
    fc.constantFrom(
      'alpha',
      'beta,',
      'gamma.',
      '# ',
      '## H',
      '- item',
      '> q',
      '```',
      '|a|b|',
      '|-|-|',
      '1. x',
    ),
    fc.constantFrom(
      '日本語の文章です。',
      'กรุงเทพ',
      '👩‍👩‍👧',
      'e\u0301\u0327',
      '🇩🇪🇫🇷',
      '\u00a0',
      '---',
      '===',
    ),
    fc.string({ unit: 'binary', maxLength: 12 }).map((text) => text.replaceAll('\0', '')),
    fc.integer({ min: 1, max: 400 }).map((count) => 'x'.repeat(count)),
  )
  const gap = fc.constantFrom(' ', ' ', ' ', '\n', '\n\n', '\t', '    ', '\r\n', '  \n \n')
  const markup = fc
    .array(fc.tuple(word, gap), { maxLength: 120 })
    .map((pairs) => pairs.flat().join(''))
  const json = fc.jsonValue({ maxDepth: 4 }).map((value) => JSON.stringify(value))
  const html = fc
    .array(
      fc.tuple(
        fc.constantFrom('p', 'h1', 'h2', 'ul', 'li', 'pre', 'table', 'tr', 'td', 'blockquote'),
        word,
      ),
    )
    .map((parts) =>
      parts.map(([tag, text]) => `<${tag}>${text}${tag === 'li' ? '' : `</${tag}>`}`).join(''),
    )
  const kinds: [MediaType, fc.Arbitrary<string>][] = [
    ['text/markdown', markup],
    ['text/plain', markup],
    ['application/json', json],
    ['application/jsonl', fc.array(json, { maxLength: 6 }).map((lines) => lines.join('\n'))],
    ['text/html', html],
  ]

  test.each(kinds)(
    '%s: passages tile the text, within the limit, offsets exact',
    async (mediaType, sources) => {
      await fc.assert(
        fc.asyncProperty(sources, fc.integer({ min: 16, max: 80 }), async (source, tokensMax) => {
          const parsed = await read(source, mediaType)
          const options = { tokensMax, overlapTokens: 0 }
          const chunks = chunkDocument(parsed, options, tokenizer, 'T')
          let end = 0
          for (const [index, draft] of chunks.entries()) {
            expect(draft.ordinal).toBe(index)
            expect(draft.text).toBe(parsed.text.slice(draft.span.start, draft.span.end))
            expect(parsed.text.slice(end, draft.span.start).trim()).toBe('')
            expect(draft.span.start).toBeGreaterThanOrEqual(end)
            expect(draft.text.trim()).not.toBe('')
            expect(draft.tokens).toBe(tokenizer.count(draft.text))
            expect(draft.tokens).toBeLessThanOrEqual(tokensMax)
            expect(draft.text).not.toMatch(/\p{Cs}/u)
            end = draft.span.end
          }
          expect(parsed.text.slice(end).trim()).toBe('')
          expect(chunkDocument(parsed, options, tokenizer, 'T')).toEqual(chunks)
        }),
        { numRuns: 150 },
      )
    },
  )

  test('with overlap: within the limit, ever further, nothing left out', async () => {
    await fc.assert(
      fc.asyncProperty(markup, fc.integer({ min: 16, max: 80 }), async (source, tokensMax) => {
        const parsed = await read(source)
        const chunks = chunkDocument(parsed, { tokensMax, overlapTokens: 12 }, tokenizer, null)
        let end = 0
        for (const draft of chunks) {
          expect(draft.text).toBe(parsed.text.slice(draft.span.start, draft.span.end))
          expect(parsed.text.slice(end, Math.max(end, draft.span.start)).trim()).toBe('')
          expect(draft.span.end).toBeGreaterThan(end)
          expect(tokenizer.count(draft.text)).toBeLessThanOrEqual(tokensMax)
          end = draft.span.end
        }
        expect(parsed.text.slice(end).trim()).toBe('')
      }),
      { numRuns: 150 },
    )
  })
})

describe('where passages are cut', () => {
  test('an empty document has none', async () => {
    expect(await chunk('')).toEqual([])
    expect(await chunk(' \n\n\t\n')).toEqual([])
  })

  test('a heading begins a passage and carries its path', async () => {
    const chunks = await chunk(
      `# Guide\n\nIntro.\n\n## Install\n\nRun it.\n\n### On *Linux*\n\napt.\n\n## Use\n\nGo.`,
    )
    expect(chunks.map(({ text }) => text)).toEqual([
      '# Guide\n\nIntro.',
      '## Install\n\nRun it.',
      '### On *Linux*\n\napt.',
      '## Use\n\nGo.',
    ])
    expect(chunks.map(({ context }) => context)).toEqual([
      'Guide',
      'Guide › Install',
      'Guide › Install › On *Linux*',
      'Guide › Use',
    ])
    expect(chunks[2]?.headings).toEqual(['Guide', 'Install', 'On *Linux*'])
  })

  test('headings in a row stay together with what follows', async () => {
    const [only, ...rest] = await chunk(`# Guide\n\n## Install\n\nRun it.`, { title: 'Manual' })
    expect(rest).toEqual([])
    expect(only?.context).toBe('Manual › Guide › Install')
  })

  test('a long paragraph below a heading is cut so that the heading is not alone', async () => {
    const chunks = await chunk(`# Foxes\n\n${sentence.repeat(6).trim()}`, { tokensMax: 85 })
    expect(chunks).toHaveLength(2)
    expect(chunks[0]?.text).toMatch(/^# Foxes\n\nThe quick/)
    for (const { text } of chunks) expect(text).toMatch(/bank\.$/)
  })

  test('sentences end behind their marks, not behind abbreviations', async () => {
    const source = `We met Dr. Smith at 5 p.m. in the U.S. embassy. ${sentence}`.repeat(8)
    for (const { text } of await chunk(source, { tokensMax: 50 })) {
      expect(text).toMatch(/^(?:We met|The quick)/)
      expect(text).toMatch(/(?:embassy|bank)\.$/)
    }
  })

  test('hard-wrapped prose is cut between sentences', async () => {
    const source = `${sentence}`.repeat(40).replaceAll('over the ', 'over\nthe ')
    const chunks = await chunk(source, { tokensMax: 60, mediaType: 'text/plain' })
    expect(chunks.length).toBeGreaterThan(5)
    for (const { text } of chunks) expect(text).toMatch(/^The quick[\s\S]*bank\.$/)
  })

  test('a fence that fits is never cut, one that does not is cut at blank lines and keeps its indentation', async () => {
    const body = 'function a() {\n    return 1\n}\n'
    const small = `${sentence.repeat(3)}\n\n\`\`\`js\n${body.repeat(3)}\`\`\`\n\nEnd.`
    const kept = await chunk(small, { tokensMax: 60 })
    expect(
      kept.filter(({ text }) => text.includes('```js') && text.includes('}\n```')),
    ).toHaveLength(1)
    const large = `\`\`\`js\n${`${body}\n`.repeat(12)}\`\`\``
    const pieces = await chunk(large, { tokensMax: 40 })
    expect(pieces.length).toBeGreaterThan(3)
    for (const { text } of pieces.slice(1, -1))
      expect(text).toMatch(/^function a\(\) \{\n {4}return/)
  })

  test('pieces of a long table name its columns in their context, not in their text', async () => {
    const rows = Array.from({ length: 40 }, (_, n) => `| name ${n} | value ${n} |`)
    const chunks = await chunk(`# T\n\n| Key | Meaning |\n|---|---|\n${rows.join('\n')}`, {
      tokensMax: 64,
    })
    const [first, second, third] = chunks
    expect(first?.text).toContain('| Key | Meaning |')
    expect(first?.context).toBe('T')
    expect(second?.text).not.toContain('Meaning')
    expect(second?.context).toBe('T\n| Key | Meaning |')
    expect(third?.text).toMatch(/^\| name \d+ \| value \d+ \|/)
  })

  test('Japanese without spaces is cut at its full stops', async () => {
    const chunks = await chunk('吾輩は猫である。名前はまだ無い。'.repeat(60), { tokensMax: 64 })
    for (const { text } of chunks) expect(text).toMatch(/。$/)
  })

  test('a run without any boundary is cut between characters', async () => {
    const chunks = await chunk('👩‍👩‍👧‍👦'.repeat(300), { tokensMax: 64 })
    for (const { text } of chunks) expect(text.replaceAll('👩‍👩‍👧‍👦', '')).toBe('')
  })

  test.each([
    ['one word', 'a'.repeat(2_000_000)],
    ['one line of words', 'word '.repeat(400_000)],
    ['blank lines', 'x\n\n'.repeat(200_000)],
    ['spaces', `${' '.repeat(1_000_000)}x`],
    ['open brackets', '[('.repeat(500_000)],
    ['table bars', '|'.repeat(1_000_000)],
    ['quote marks', '>'.repeat(1_000_000)],
    ['zalgo', `e${'\u0301'.repeat(200_000)}`],
    ['heading marks', '# # '.repeat(200_000)],
  ])('hostile %s does not hang', async (_name, source) => {
    const startedAt = performance.now()
    await chunk(source)
    expect(performance.now() - startedAt).toBeLessThan(20_000)
  })

  test('overlap repeats the end of the passage before, within a section', async () => {
    const source = `# A\n\n${sentence.repeat(20)}\n\n# B\n\nOther.`
    const chunks = await chunk(source, { tokensMax: 80, overlapTokens: 20 })
    expect(chunks[1]?.span.start).toBeLessThan(chunks[0]?.span.end ?? 0)
    expect(chunks[1]?.text).toMatch(/^The quick/)
    expect(chunks.at(-1)?.text).toBe('# B\n\nOther.')
  })

  test('the fingerprint tells options apart', () => {
    const options = { tokensMax: 384, overlapTokens: 0 }
    expect(chunkerFingerprint(options)).toBe(chunkerFingerprint({ ...options }))
    expect(chunkerFingerprint(options)).not.toBe(chunkerFingerprint({ ...options, tokensMax: 256 }))
    expect(chunkerFingerprint(options)).not.toBe(
      chunkerFingerprint({ ...options, overlapTokens: 1 }),
    )
  })
})
