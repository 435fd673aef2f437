import { isTurnOver, nextTurn } from '../../../../src/core/turns.ts'
import type { RowSearch } from '../found.ts'
import { Candidates } from './candidates.ts'
import type { Ivf } from './index-of-lists.ts'
import { ListsInOrder } from './lists-in-order.ts'
import { isScanBetter, type Reach, reachOf } from './plan.ts'
import { type IvfQuery, prepareQuery, scoreOfKey } from './query.ts'
import { type Piece, piecesOf, rescore, scanCodes } from './scan.ts'
import type { Workspace } from './workspace.ts'

/** Rows and their scores by int8 rows, in no order. */
export interface Near {
  readonly rows: Int32Array
  readonly scores: Float64Array
}

/** Lists looked into between two looks at how good the best rows are. */
const LISTS_PER_CHECK = 8
/** Rows rescored at a time: they lie apart, and are up to 8 KiB each. No more than a workspace holds. */
const RESCORED_ROWS = 256
/** Standard deviations of what rows add to their lists' keys that hardly any row exceeds; codes show some less of it. */
const SPREADS = 4

/** As many allowed rows as are rescored, or all of them where that is quicker. */
export async function nearestOf(
  ivf: Ivf,
  vector: Float32Array,
  search: RowSearch,
  space: Workspace,
  signal: AbortSignal,
): Promise<Near> {
  const query = prepareQuery(ivf, vector, space)
  const reach = reachOf(ivf, search)
  const positions =
    search.allowed !== null && isScanBetter(search, reach)
      ? positionsOf(ivf, search.allowed, search.allowedCount)
      : await probe(ivf, query, search, reach, space, signal)
  return await scorePositions(ivf, query, positions.sort(), space, signal)
}

async function probe(
  ivf: Ivf,
  query: IvfQuery,
  search: RowSearch,
  reach: Reach,
  space: Workspace,
  signal: AbortSignal,
): Promise<Int32Array> {
  const candidates = new Candidates(reach.depth)
  const ranked = new ListsInOrder(space.listKeys)
  const probing: Probing = { ivf, query, search, reach, candidates, space, seen: 0, squares: 0 }
  for (let rank = 0; rank < ivf.shape.lists; rank++) {
    const list = ranked.at(rank)
    const isEnough = rank >= reach.probes && probing.seen >= reach.rowsMin
    if (isEnough && isHopeless(probing, rank, list)) break
    for (const piece of piecesOf(ivf, list)) {
      lookInto(probing, piece)
      if (isTurnOver()) await nextTurn(signal)
    }
  }
  return candidates.positions()
}

/** A search on its way through the lists. */
interface Probing {
  readonly ivf: Ivf
  readonly query: IvfQuery
  readonly search: RowSearch
  readonly reach: Reach
  readonly candidates: Candidates
  readonly space: Workspace
  /** Allowed rows, and the squares of what their keys by their codes add to their lists' keys. */
  seen: number
  squares: number
}

/**
 * Whether the lists from this one on hold none of the k best. Without a filter the number of probes was measured. With
 * one, rows are worth a look while they can reach the k-th best key as the best rows of the plan's queries did, or with
 * what rows of lists seen so far add to their lists' keys: with a filter that goes with the vectors, nothing else tells.
 */
function isHopeless(
  { ivf, query, search, reach, candidates, space, seen, squares }: Probing,
  rank: number,
  list: number,
): boolean {
  if (search.allowed === null) return true
  if (rank % LISTS_PER_CHECK !== 0) return false
  const measured = ivf.metric === 'dot' ? reach.margin * query.length : reach.margin
  const margin = Math.max(measured, SPREADS * Math.sqrt(squares / Math.max(1, seen)))
  return (space.listKeys[list] as number) + margin < candidates.keyAt(search.k)
}

function lookInto(probing: Probing, { list, from, count }: Piece): void {
  const { ivf, query, search, candidates, space } = probing
  const { allowed } = search
  const chosen =
    allowed === null ? count : chooseAllowed(ivf.order, from, count, allowed, space.allowed)
  probing.seen += chosen
  if (chosen === 0) return
  scanCodes(ivf, query, list, from, count, space)
  if (allowed === null) candidates.addAll(space.keys, count, from)
  else {
    candidates.addSome(space.keys, space.allowed, chosen, from)
    probing.squares += squaresOf(space, chosen, space.listKeys[list] as number)
  }
}

function squaresOf({ keys, allowed }: Workspace, count: number, listKey: number): number {
  let squares = 0
  for (let i = 0; i < count; i++) {
    const added = (keys[allowed[i] as number] as number) - listKey
    squares += added * added
  }
  return squares
}

function chooseAllowed(
  order: Int32Array,
  from: number,
  count: number,
  allowed: Uint32Array,
  into: Int32Array,
): number {
  let chosen = 0
  for (let i = 0; i < count; i++) {
    const row = order[from + i] as number
    into[chosen] = i
    chosen += ((allowed[row >>> 5] as number) >>> (row & 31)) & 1
  }
  return chosen
}

function positionsOf({ positions }: Ivf, allowed: Uint32Array, count: number): Int32Array {
  const found = new Int32Array(count)
  let at = 0
  for (let word = 0; word < allowed.length; word++)
    for (let bits = allowed[word] as number; bits !== 0; bits &= bits - 1)
      found[at++] = positions[word * 32 + 31 - Math.clz32(bits & -bits)] as number
  return found
}

/** Of positions that rise, so that rows that lie together are read together. */
async function scorePositions(
  ivf: Ivf,
  query: IvfQuery,
  positions: Int32Array,
  space: Workspace,
  signal: AbortSignal,
): Promise<Near> {
  const rows = new Int32Array(positions.length)
  const scores = new Float64Array(positions.length)
  for (let from = 0; from < positions.length; from += RESCORED_ROWS) {
    const piece = positions.subarray(from, from + RESCORED_ROWS)
    space.positions.set(piece)
    rescore(ivf, query, piece.length, space)
    for (let i = 0; i < piece.length; i++) {
      rows[from + i] = ivf.order[piece[i] as number] as number
      scores[from + i] = scoreOfKey(ivf, query, space.keys[i] as number)
    }
    if (isTurnOver()) await nextTurn(signal)
  }
  return { rows, scores }
}
