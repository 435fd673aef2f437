import type { ModelInput } from './protocol.ts'

/** Queries go before ingestion. */
export type QueueLane = 'query' | 'bulk'

/** One text or pair on its way to an answer. */
export interface Item {
  readonly input: ModelInput
  /** Tokens, guessed from bytes: exact ones are counted in the child. */
  readonly estimate: number
  readonly lane: QueueLane
  /** How often a run with it went wrong; after the first time it runs alone. */
  faults: number
  isWanted(): boolean
  answer(values: Float32Array, tokens: number): void
  fail(error: unknown): void
}

export interface Queue {
  add(items: readonly Item[]): void
  /** Ahead of all others, after a run that went wrong. */
  putBack(items: readonly Item[]): void
  waiting(lane: QueueLane): number
  /** What goes to the model together; empty when nobody waits. */
  take(lane: QueueLane): Item[]
  /** Forgets those that nobody wants any more. */
  sweep(): void
  /** Empties it. */
  drain(): Item[]
}

/** Share of the budget that padding may take before another run is cheaper. */
const PADDING_SHARE = 0.25
/** How far ahead in the queue a text of like length is looked for. */
const WINDOW = 512

/** Guesses the tokens of an input; English has four characters to one, and no text has more than the model takes. */
export function estimateOf([first, second]: ModelInput, tokensMax: number): number {
  const bytes = Buffer.byteLength(first) + (second === null ? 0 : Buffer.byteLength(second))
  return Math.min(tokensMax, 3 + Math.ceil(bytes / 4))
}

export function createQueue(limits: {
  readonly batchTokens: number
  readonly batchItems: number
}): Queue {
  const lanes: Record<QueueLane, Item[]> = { query: [], bulk: [] }
  const sweep = (): void => {
    lanes.query = lanes.query.filter((item) => item.isWanted())
    lanes.bulk = lanes.bulk.filter((item) => item.isWanted())
  }
  return {
    add: (items) => {
      for (const item of items) lanes[item.lane].push(item)
    },
    putBack: (items) => {
      for (const item of items.toReversed()) lanes[item.lane].unshift(item)
    },
    waiting: (lane) => lanes[lane].length,
    take: (lane) => {
      const queue = lanes[lane]
      const [oldest] = queue
      if (oldest === undefined) return []
      const nearest = lane === 'query' ? queue.slice(0, limits.batchItems) : alike(queue, oldest)
      const taken = new Set(fill(nearest, limits))
      lanes[lane] = queue.filter((item) => !taken.has(item))
      return [...taken]
    },
    sweep,
    drain: () => {
      const all = [...lanes.query, ...lanes.bulk]
      lanes.query = []
      lanes.bulk = []
      return all
    },
  }
}

/** The oldest first, so that nobody is passed over for ever, then whoever is near it in length. */
function alike(queue: readonly Item[], oldest: Item): Item[] {
  const distance = ({ estimate }: Item): number => Math.abs(estimate - oldest.estimate)
  return queue.slice(0, WINDOW).sort((a, b) => distance(a) - distance(b))
}

function fill(
  items: readonly Item[],
  { batchTokens, batchItems }: { readonly batchTokens: number; readonly batchItems: number },
): Item[] {
  const taken: Item[] = []
  let longest = 0
  let sum = 0
  for (const item of items) {
    longest = Math.max(longest, item.estimate)
    sum += item.estimate
    const padded = longest * (taken.length + 1)
    const full = padded > batchTokens || padded - sum > batchTokens * PADDING_SHARE
    if (taken.length > 0 && (full || item.faults > 0)) break
    taken.push(item)
    if (taken.length === batchItems || item.faults > 0) break
  }
  return taken
}
