import { isBlank } from '../core/visible-text.ts'
import { contentNonce } from './fence.ts'
import type { Dropped, PinnedDocument, PromptRequest } from './prompt.ts'
import type { Entry, Layout } from './render/layout.ts'
import type { TokenCounter } from './token-counter.ts'

/** A question this long does not push a pinned document out, so that short ones share one prefix. */
const QUESTION_TOKENS = 512

/** The most that the fence of the pinned section takes: its random name twice, a token a character at worst. */
const FENCE_TOKENS = 96

/** A document with its place in the prompt. */
export interface Pinned {
  readonly document: PinnedDocument
  readonly entry: Entry
}

export interface Pinning {
  readonly kept: readonly Pinned[]
  readonly dropped: readonly Dropped[]
  /** What the kept ones take, their fence with them; not less. */
  readonly tokens: number
}

/**
 * In the order of their ids, the last ones left out until the rest fits beside the base of `fixed` tokens. How much
 * room there is does not depend on a question of ordinary length nor on the random fence, so that the same documents
 * stay in from request to request.
 */
export async function pin(
  request: PromptRequest,
  pinned: readonly PinnedDocument[],
  base: Layout,
  fixed: number,
  counter: TokenCounter,
): Promise<Pinning> {
  const { found, dropped } = findPinned(request, pinned)
  const kept = found.map((document) => ({ document, entry: entryOf(document) }))
  if (kept.length === 0) return { kept, dropped, tokens: 0 }
  const empty = await counter.whole({ ...base, query: '', nonces: { pinned: '', retrieved: '' } })
  const usual = empty + FENCE_TOKENS + Math.min(QUESTION_TOKENS, request.maxTokens >> 3)
  const room = request.maxTokens - Math.max(usual, fixed)
  const costs: number[] = []
  for (const [at, { entry }] of kept.entries()) costs.push(await counter.entry(entry, at + 1))
  let tokens = costs.reduce((sum, cost) => sum + cost, FENCE_TOKENS)
  while (kept.length > 0 && tokens > room) {
    const last = kept.pop()
    tokens -= costs.pop() ?? 0
    if (last !== undefined) dropped.push({ id: last.document.id, reason: 'budget' })
  }
  return { kept, dropped, tokens: kept.length === 0 ? 0 : tokens }
}

function findPinned(
  request: PromptRequest,
  pinned: readonly PinnedDocument[],
): { found: PinnedDocument[]; dropped: Dropped[] } {
  const known = new Map(pinned.map((document) => [document.id, document]))
  const found: PinnedDocument[] = []
  const dropped: Dropped[] = []
  for (const id of [...new Set([...request.pinned, ...known.keys()])].sort()) {
    const document = known.get(id)
    if (document === undefined) dropped.push({ id, reason: 'not_found' })
    else if (isBlank(document.text)) dropped.push({ id, reason: 'empty' })
    else found.push(document)
  }
  return { found, dropped }
}

export function withPinned(base: Layout, kept: readonly Pinned[]): Layout {
  if (kept.length === 0) return base
  return {
    ...base,
    pinned: kept.map(({ entry }) => entry),
    nonces: { ...base.nonces, pinned: contentNonce(kept.map(({ document }) => document)) },
  }
}

function entryOf({ id, title, text, textKey }: PinnedDocument): Entry {
  return { documentId: id, title, headings: [], text, textKey }
}
