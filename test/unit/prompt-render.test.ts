import { describe, expect, test } from 'vitest'
import type { Prompt, PromptFormat } from '../../src/prompt/prompt.ts'
import { DEFAULT_TEMPLATE, templateOf } from '../../src/prompt/template.ts'
import { assemble, hitOf, pinnedOf, textOf, userText } from '../support/prompting.ts'

describe('each provider gets its own shape', () => {
  const make = (format: PromptFormat): Promise<Prompt> =>
    assemble({
      format,
      query: 'Why?',
      template: { system: 'Be good.', instruction: 'Answer.' },
      hits: [hitOf({ document: 'h', text: 'One.\n\nTwo.', title: 'H' })],
      pinned: [pinnedOf('p', 'Pinned.')],
      nonce: '7'.repeat(39),
    })

  test('openai', async () => {
    const prompt = await make('openai')
    const pinnedFence = /<pinned-\d{39}>/.exec(userText(prompt))?.[0] ?? ''
    expect(prompt.body).toEqual({
      messages: [
        { role: 'system', content: 'Be good.' },
        {
          role: 'user',
          content: `${pinnedFence}
<doc n="1" id="p" title="About p">
Pinned.
</doc>
${pinnedFence.replace('<', '</')}

<retrieved-${'7'.repeat(39)}>
<doc n="2" id="h" title="H">
One.

Two.
</doc>
</retrieved-${'7'.repeat(39)}>

Answer.

Question: Why?`,
        },
      ],
    })
  })

  test('anthropic', async () => {
    const cache = { cache_control: { type: 'ephemeral' } }
    expect((await make('anthropic')).body).toEqual({
      system: [{ type: 'text', text: 'Be good.', ...cache }],
      messages: [
        {
          role: 'user',
          content: [
            {
              type: 'search_result',
              source: 'p',
              title: 'About p',
              content: [{ type: 'text', text: 'Pinned.' }],
              citations: { enabled: true },
              ...cache,
            },
            {
              type: 'search_result',
              source: 'h',
              title: 'H',
              content: [
                { type: 'text', text: 'One.' },
                { type: 'text', text: 'Two.' },
              ],
              citations: { enabled: true },
            },
            { type: 'text', text: 'Answer.\n\nQuestion: Why?' },
          ],
        },
      ],
    })
  })

  test('cohere', async () => {
    expect((await make('cohere')).body).toEqual({
      messages: [
        { role: 'system', content: 'Be good.' },
        { role: 'user', content: 'Answer.\n\nQuestion: Why?' },
      ],
      documents: [
        { id: '1', data: { title: 'About p', text: 'Pinned.' } },
        { id: '2', data: { title: 'H', text: 'One.\n\nTwo.' } },
      ],
    })
  })

  test('text', async () => {
    expect(textOf(await make('text'))).toMatch(
      /^Be good\.\n\n<pinned-[\s\S]*Answer\.\n\nQuestion: Why\?$/,
    )
  })

  test('a collection may bring its own words', async () => {
    expect(templateOf({ system: 'Mine.', instruction: null })).toEqual({
      system: 'Mine.',
      instruction: DEFAULT_TEMPLATE.instruction,
    })
  })
})
