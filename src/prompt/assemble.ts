import { createHash } from 'node:crypto'
import { QuarryError } from '../core/errors.ts'
import type { Tokenizer } from '../core/tokenizer.ts'
import type { Hit } from '../retrieve/request.ts'
import { citePassages, citePinned } from './citations.ts'
import { randomNonce } from './fence.ts'
import { order } from './order.ts'
import { type Passage, passageText } from './passages.ts'
import { type Pinning, pin, withPinned } from './pinning.ts'
import type { Dropped, PinnedDocument, Prompt, PromptRequest, PromptTemplate } from './prompt.ts'
import type { Entry, Layout, Renderer } from './render/layout.ts'
import { RENDERERS } from './render/render.ts'
import { type Selection, selectPassages } from './selection.ts'
import { type TokenCounter, tokenCounter } from './token-counter.ts'

export interface PromptInput {
  readonly query: string
  /** Best first. */
  readonly hits: readonly Hit[]
  /** Those of the request's that were found. */
  readonly pinned: readonly PinnedDocument[]
  readonly template: PromptTemplate
  readonly tokenizer: Tokenizer
  /** Names the fence of the retrieved passages; random, and never to be reused. Given only where a prompt must repeat. */
  readonly nonce?: string | undefined
  /** Makes the pinned documents' fence unguessable as well. The same in every process, or their cache is lost. */
  readonly fenceKey?: string | undefined
}

/**
 * Makes a prompt that never exceeds `maxTokens`: the static words first, then what is pinned, then what was found, the
 * question last. `invalid_request` when not even the words and the question fit. What content says cannot leave its
 * fence, and invisible characters are gone.
 */
export function assemblePrompt(request: PromptRequest, input: PromptInput): Prompt {
  const renderer = RENDERERS[request.format]
  const counter = tokenCounter(renderer, input.tokenizer)
  const base = baseLayout(input)
  const fixed = counter.whole(base)
  if (fixed > request.maxTokens) {
    throw new QuarryError(
      'invalid_request',
      `max_tokens is ${request.maxTokens}, but the instructions and the question alone take ${fixed}`,
      { details: { least: fixed } },
    )
  }
  const pinning = pin(request, input.pinned, base, counter)
  const chosen = selectPassages(input.hits, {
    tokens: request.maxTokens - fixed - pinning.tokens,
    cost: memo((passage: Passage) => counter.entry(entryOf(passage, 0))),
    pinned: new Set(pinning.kept.map(({ id }) => id)),
  })
  return finish({ request, input, renderer, counter, base }, pinning, chosen)
}

function baseLayout({ query, template, nonce }: PromptInput): Layout {
  return {
    system: template.system,
    pinned: [],
    retrieved: [],
    instruction: template.instruction,
    query,
    nonces: { pinned: '', retrieved: nonce ?? randomNonce() },
  }
}

function memo<Key extends object>(work: (key: Key) => number): (key: Key) => number {
  const known = new WeakMap<Key, number>()
  return (key) => {
    const result = known.get(key) ?? work(key)
    known.set(key, result)
    return result
  }
}

function entryOf(passage: Passage, n: number): Entry {
  const { documentId, title, pieces } = passage
  return { n, documentId, title, headings: pieces[0]?.headings ?? [], text: passageText(passage) }
}

interface Assembly {
  readonly request: PromptRequest
  readonly input: PromptInput
  readonly renderer: Renderer
  readonly counter: TokenCounter
  readonly base: Layout
}

/** Renders, and counts what was rendered: parts were counted alone, and the whole is what must fit. */
function finish(assembly: Assembly, pinning: Pinning, chosen: Selection): Prompt {
  const { request, input, renderer, counter, base } = assembly
  const passages = chosen.passages.toSorted((a, b) => a.rank - b.rank)
  const pinned = [...pinning.kept]
  const dropped = [...pinning.dropped, ...chosen.dropped]
  for (;;) {
    const ordered = order(passages, request.order)
    const retrieved = ordered.map((passage, at) => entryOf(passage, pinned.length + at + 1))
    const layout = { ...withPinned(base, pinned, input.fenceKey), retrieved }
    const tokens = counter.whole(layout)
    if (tokens <= request.maxTokens || (passages.length === 0 && pinned.length === 0)) {
      return {
        format: request.format,
        body: renderer.body(layout),
        tokens,
        tokenizer: tokenizerName(assembly),
        citations: [...citePinned(pinned), ...citePassages(ordered, pinned.length)],
        dropped,
        prefixHash: prefixHash(request, renderer.prefix(layout)),
      }
    }
    dropped.push(...dropLast(passages, pinned, input.hits))
  }
}

function dropLast(passages: Passage[], pinned: PinnedDocument[], hits: readonly Hit[]): Dropped[] {
  const passage = passages.pop()
  if (passage !== undefined) return hitsOf(passage, hits)
  const document = pinned.pop()
  return document === undefined ? [] : [{ id: document.id, reason: 'budget' }]
}

function tokenizerName({ renderer, input }: Assembly): string {
  return renderer.exactTokens ? input.tokenizer.name : `${input.tokenizer.name} (estimate)`
}

function hitsOf({ pieces }: Passage, hits: readonly Hit[]): Dropped[] {
  const chunks = new Set(pieces.map(({ chunk }) => chunk))
  return hits.filter(({ id }) => chunks.has(id)).map(({ id }) => ({ id, reason: 'budget' }))
}

function prefixHash({ format }: PromptRequest, prefix: string): string {
  return createHash('sha256').update(`${format}\n${prefix}`).digest('hex').slice(0, 32)
}
