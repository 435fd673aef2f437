import { contentNonce } from './fence.ts'
import type { Dropped, PinnedDocument, PromptRequest } from './prompt.ts'
import type { Entry, Layout } from './render/layout.ts'
import type { TokenCounter } from './token-counter.ts'
import { visibleText } from './visible-text.ts'

/** A question this long does not push a pinned document out, so that short ones share one prefix. */
const QUESTION_TOKENS = 512

/** The most that the fence of the pinned section takes: its random name twice, a token a character at worst. */
const FENCE_TOKENS = 80

export interface Pinning {
  readonly kept: readonly PinnedDocument[]
  readonly dropped: readonly Dropped[]
  /** What the kept ones take, their fence with them; not less. */
  readonly tokens: number
}

/**
 * In the order of their ids, the last ones left out until the rest fits. How much room there is does not depend on a
 * question of ordinary length nor on the random fence, so that the same documents stay in from request to request.
 */
export function pin(
  request: PromptRequest,
  pinned: readonly PinnedDocument[],
  base: Layout,
  counter: TokenCounter,
): Pinning {
  const { kept, dropped } = findPinned(request, pinned)
  const empty = counter.whole({ ...base, query: '', nonces: { pinned: '', retrieved: '' } })
  const usual = empty + FENCE_TOKENS + Math.min(QUESTION_TOKENS, request.maxTokens >> 3)
  const room = request.maxTokens - Math.max(usual, counter.whole(base))
  const costs = kept.map((document, index) => counter.entry(pinnedEntry(document, index)))
  let tokens = costs.reduce((sum, cost) => sum + cost, FENCE_TOKENS)
  while (kept.length > 0 && tokens > room) {
    const last = kept.pop()
    tokens -= costs.pop() ?? 0
    if (last !== undefined) dropped.push({ id: last.id, reason: 'budget' })
  }
  return { kept, dropped, tokens: kept.length === 0 ? 0 : tokens }
}

function findPinned(
  request: PromptRequest,
  pinned: readonly PinnedDocument[],
): { kept: PinnedDocument[]; dropped: Dropped[] } {
  const found = new Map(pinned.map((document) => [document.id, document]))
  const kept: PinnedDocument[] = []
  const dropped: Dropped[] = []
  for (const id of [...new Set([...request.pinned, ...found.keys()])].sort()) {
    const document = found.get(id)
    if (document === undefined) dropped.push({ id, reason: 'not_found' })
    else if (visibleText(document.text).trim() === '') dropped.push({ id, reason: 'empty' })
    else kept.push(document)
  }
  return { kept, dropped }
}

export function withPinned(
  base: Layout,
  kept: readonly PinnedDocument[],
  key: string | undefined,
): Layout {
  if (kept.length === 0) return base
  return {
    ...base,
    pinned: kept.map(pinnedEntry),
    nonces: { ...base.nonces, pinned: contentNonce(kept, key) },
  }
}

function pinnedEntry({ id, title, text }: PinnedDocument, index: number): Entry {
  return { n: index + 1, documentId: id, title, headings: [], text }
}
