import { hash } from 'node:crypto'
import { QuarryError } from '../core/errors.ts'
import { KeptWith } from '../core/kept-with.ts'
import type { Tokenizer } from '../core/tokenizer.ts'
import type { Hit } from '../retrieve/request.ts'
import { citePassages, citePinned } from './citations.ts'
import { randomNonce } from './fence.ts'
import { oncePer } from './once-per.ts'
import { order } from './order.ts'
import { joinPieces, type Passage, textKey } from './passages.ts'
import { type Pinned, type Pinning, pin, withPinned } from './pinning.ts'
import type { Dropped, PinnedDocument, Prompt, PromptRequest, PromptTemplate } from './prompt.ts'
import type { Entry, Layout, Renderer } from './render/layout.ts'
import { RENDERERS } from './render/render.ts'
import { type Selection, selectPassages } from './selection.ts'
import { type TokenCounter, tokenCounter } from './token-counter.ts'
import type { TokenMemo } from './token-memo.ts'

export interface PromptInput {
  readonly query: string
  /** Best first. */
  readonly hits: readonly Hit[]
  /** Those of the request's that were found. */
  readonly pinned: readonly PinnedDocument[]
  readonly template: PromptTemplate
  readonly tokenizer: Tokenizer
  /** Counts made before for the same tenant. */
  readonly memo: TokenMemo
  /** Names the fence of the retrieved passages; random, and never to be reused. Given only where a prompt must repeat. */
  readonly nonce?: string | undefined
}

/**
 * Makes a prompt that never exceeds `maxTokens`: the static words first, then what is pinned, then what was found, the
 * question last. `invalid_request` when not even the words and the question fit. What content says cannot leave its
 * fence, and invisible characters are gone. Gives the event loop back as it counts; rejects with the signal's reason.
 */
export async function assemblePrompt(
  request: PromptRequest,
  input: PromptInput,
  signal: AbortSignal,
): Promise<Prompt> {
  const renderer = RENDERERS[request.format]()
  const entryOf = oncePer(entryOfPassage)
  const counter = tokenCounter(renderer, input.tokenizer, input.memo, signal)
  const base = baseLayout(input)
  const fixed = await counter.whole(base)
  if (fixed > request.maxTokens) {
    throw new QuarryError(
      'invalid_request',
      `max_tokens is ${request.maxTokens}, but the instructions and the question alone take ${fixed}`,
      { details: { least: fixed } },
    )
  }
  const pinning = await pin(request, input.pinned, base, fixed, counter)
  const chosen = await selectPassages(input.hits, {
    tokens: request.maxTokens - fixed - pinning.tokens,
    cost: (passage) => counter.entry(entryOf(passage), 0),
    pinned: new Set(pinning.kept.map(({ document }) => document.id)),
  })
  return finish({ request, input, renderer, entryOf, counter, base }, pinning, chosen)
}

function baseLayout({ query, template, nonce }: PromptInput): Layout {
  return {
    template,
    pinned: [],
    retrieved: [],
    query,
    nonces: { pinned: '', retrieved: nonce ?? randomNonce() },
  }
}

function entryOfPassage({ documentId, title, pieces }: Passage): Entry {
  const headings = pieces[0]?.headings ?? []
  return { documentId, title, headings, text: joinPieces(pieces), textKey: textKey(pieces) }
}

interface Assembly {
  readonly request: PromptRequest
  readonly input: PromptInput
  readonly renderer: Renderer
  readonly entryOf: (passage: Passage) => Entry
  readonly counter: TokenCounter
  readonly base: Layout
}

/** Renders, and counts what was rendered: entries were counted without their numbers, and the whole is what must fit. */
async function finish(assembly: Assembly, pinning: Pinning, chosen: Selection): Promise<Prompt> {
  const { request, input, renderer, entryOf, counter, base } = assembly
  const passages = chosen.passages.toSorted((a, b) => a.rank - b.rank)
  const pinned = [...pinning.kept]
  const dropped = [...pinning.dropped, ...chosen.dropped]
  for (;;) {
    const ordered = order(passages, request.order)
    const layout = { ...withPinned(base, pinned), retrieved: ordered.map(entryOf) }
    const tokens = await counter.whole(layout)
    if (tokens <= request.maxTokens || (passages.length === 0 && pinned.length === 0)) {
      return {
        format: request.format,
        body: renderer.body(layout),
        tokens,
        tokenizer: tokenizerName(assembly),
        citations: [
          ...citePinned(pinned.map(({ document }) => document)),
          ...citePassages(ordered, pinned.length),
        ],
        dropped,
        prefixHash: prefixHash(renderer, layout),
      }
    }
    dropped.push(...dropLast(passages, pinned, input.hits))
  }
}

function dropLast(passages: Passage[], pinned: Pinned[], hits: readonly Hit[]): Dropped[] {
  const passage = passages.pop()
  if (passage !== undefined) return hitsOf(passage, hits)
  const last = pinned.pop()
  return last === undefined ? [] : [{ id: last.document.id, reason: 'budget' }]
}

function tokenizerName({ renderer, input }: Assembly): string {
  return renderer.exactTokens ? input.tokenizer.name : `${input.tokenizer.name} (estimate)`
}

function hitsOf({ pieces }: Passage, hits: readonly Hit[]): Dropped[] {
  const chunks = new Set(pieces.map(({ chunk }) => chunk))
  return hits.filter(({ id }) => chunks.has(id)).map(({ id }) => ({ id, reason: 'budget' }))
}

/** By format, of prompts without pinned documents. */
const prefixHashes = new KeptWith<PromptTemplate, string>()

function prefixHash(renderer: Renderer, layout: Layout): string {
  const { format } = renderer
  const known = layout.pinned.length === 0 ? prefixHashes.of(layout.template) : null
  const hashed = known?.get(format) ?? hash('sha256', `${format}\n${renderer.prefix(layout)}`)
  known?.set(format, hashed)
  return hashed.slice(0, 32)
}
