import type { Chunk, ChunkId, DocumentId } from '../../src/core/model.ts'
import { assemblePrompt, type PromptInput } from '../../src/prompt/assemble.ts'
import type { PinnedDocument, Prompt, PromptRequest } from '../../src/prompt/prompt.ts'
import { DEFAULT_TEMPLATE } from '../../src/prompt/template.ts'
import { createTokenMemos } from '../../src/prompt/token-memo.ts'
import type { Hit } from '../../src/retrieve/request.ts'
import { openTokenizer } from '../../src/tokenizer/o200k.ts'

const o200k = await openTokenizer()

export interface Written {
  readonly document?: string
  readonly ordinal?: number
  readonly start?: number
  readonly text: string
  readonly title?: string | null
  readonly headings?: readonly string[]
}

function chunkOf({
  document = 'd',
  ordinal = 0,
  start = 0,
  text,
  title = null,
  headings = [],
}: Written): Chunk {
  return {
    id: `${document}#${ordinal}` as ChunkId,
    documentId: document as DocumentId,
    revision: 1,
    ordinal,
    span: { start, end: start + text.length },
    text,
    context: '',
    title,
    headings,
    page: null,
    metadata: {},
  }
}

export function hitOf(
  written: Written,
  around: { before?: Written[]; after?: Written[] } = {},
): Hit {
  const { revision: _revision, context: _context, ...chunk } = chunkOf(written)
  const before = (around.before ?? []).map(chunkOf)
  const after = (around.after ?? []).map(chunkOf)
  return { ...chunk, score: 1, relevance: null, before, after, explain: null }
}

export const pinnedOf = (id: string, text: string): PinnedDocument => ({
  id: id as DocumentId,
  title: `About ${id}`,
  text,
  textKey: `${id} ${text}`,
  span: { start: 0, end: text.length },
})

type Settings = Partial<Omit<PromptRequest, 'pinned' | 'template'> & PromptInput> & {
  readonly signal?: AbortSignal
}

/** With defaults for what a test does not care about; what is pinned is also asked for. */
export function assemble(settings: Settings = {}): Promise<Prompt> {
  const { query = 'Why?', hits = [], template = DEFAULT_TEMPLATE, nonce } = settings
  const {
    format = 'openai',
    maxTokens = 4_000,
    order = 'relevance',
    pinned = [],
    tokenizer = o200k,
    memo = createTokenMemos(1_000_000).of('t'),
    signal = new AbortController().signal,
  } = settings
  const ids = pinned.map(({ id }) => id)
  return assemblePrompt(
    { template: 'default', format, maxTokens, order, pinned: ids },
    { query, hits, pinned, template, tokenizer, memo, nonce },
    signal,
  )
}

/** Every string of a body that is not one of the API's own words. */
export function textsOf(value: unknown, key = ''): string[] {
  if (typeof value === 'string') return ['type', 'role'].includes(key) ? [] : [value]
  if (typeof value !== 'object' || value === null) return []
  return Object.entries(value).flatMap(([name, item]) =>
    name === 'cache_control' ? [] : textsOf(item, name),
  )
}

export const userText = (prompt: Prompt): string => {
  const messages = prompt.body['messages'] as { role: string; content: string }[]
  return messages.find(({ role }) => role === 'user')?.content ?? ''
}
export const textOf = (prompt: Prompt): string => String(prompt.body['text'])

export const sentences = (count: number, word = 'fox'): string =>
  Array.from({ length: count }, (_, n) => `Sentence ${n} tells of the ${word}.`).join(' ')
