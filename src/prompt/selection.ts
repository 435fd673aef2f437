import { isBlank } from '../core/visible-text.ts'
import type { Hit } from '../retrieve/request.ts'
import { sentenceCuts } from '../tokenizer/sentences.ts'
import { addPieces, cutPiece, type Passage, type Piece, pieceOf, type Source } from './passages.ts'
import type { Dropped } from './prompt.ts'

export interface Selection {
  readonly passages: readonly Passage[]
  readonly dropped: readonly Dropped[]
}

export interface SelectionRoom {
  readonly tokens: number
  /** What a passage costs in the prompt, its tags and title with it. */
  readonly cost: (passage: Passage) => number | Promise<number>
  /** Documents that are in the prompt whole already. */
  readonly pinned: ReadonlySet<string>
}

/**
 * Takes hits in their order while there is room: with their neighbours, else alone, else cut at a sentence's end.
 * The first that does not fit whole is the last: what ranks below it never takes its place.
 */
export async function selectPassages(
  hits: readonly Hit[],
  room: SelectionRoom,
): Promise<Selection> {
  const dropped: Dropped[] = []
  let taken: Taken = { passages: [], tokens: 0, full: false }
  for (const [rank, hit] of hits.entries()) {
    const needless = needlessness(hit, room)
    if (needless !== null) dropped.push({ id: hit.id, reason: needless })
    else if (!holds(taken, hit)) {
      const next = taken.full ? null : await takeHit(taken, hit, rank, room)
      if (next === null) dropped.push({ id: hit.id, reason: 'budget' })
      taken = next ?? { ...taken, full: true }
    }
  }
  return { passages: taken.passages, dropped }
}

function needlessness(hit: Hit, room: SelectionRoom): Dropped['reason'] | null {
  if (room.pinned.has(hit.documentId)) return 'contained'
  return isBlank(hit.text) ? 'empty' : null
}

interface Taken {
  readonly passages: readonly Passage[]
  readonly tokens: number
  /** Something did not fit whole. */
  readonly full: boolean
}

function holds({ passages }: Taken, hit: Hit): boolean {
  return passages.some(({ pieces }) => pieces.some(({ chunk, cut }) => chunk === hit.id && !cut))
}

/** With this hit added in the fullest form that fits, or null. */
async function takeHit(
  taken: Taken,
  hit: Hit,
  rank: number,
  room: SelectionRoom,
): Promise<Taken | null> {
  const from = { documentId: hit.documentId, title: hit.title, rank }
  const own = pieceOf(hit)
  const around = [...hit.before.map(pieceOf), own, ...hit.after.map(pieceOf)]
  return (
    (await tryPieces(taken, from, around, room)) ??
    (around.length === 1 ? null : await tryPieces(taken, from, [own], room)) ??
    tryHeads(taken, from, own, room)
  )
}

/** With these pieces added, or null when there is no room for them. */
async function tryPieces(
  taken: Taken,
  from: Source,
  pieces: readonly Piece[],
  room: SelectionRoom,
): Promise<Taken | null> {
  const { passages, gone, come } = addPieces(taken.passages, from, pieces)
  let tokens = taken.tokens
  for (const passage of gone) tokens -= await room.cost(passage)
  for (const passage of come) tokens += await room.cost(passage)
  return tokens <= room.tokens ? { passages, tokens, full: false } : null
}

/** The longest head that ends with a sentence and fits, found by halving. */
async function tryHeads(
  taken: Taken,
  from: Source,
  own: Piece,
  room: SelectionRoom,
): Promise<Taken | null> {
  const ends = [...sentenceCuts(own.text, { start: 0, end: own.text.length })]
  let best: Taken | null = null
  let low = 0
  let high = ends.length - 1
  while (low <= high) {
    const middle = Math.floor((low + high) / 2)
    const head = cutPiece(own, ends[middle] ?? 0)
    const tried = await tryPieces(taken, from, [head], room)
    if (tried === null) high = middle - 1
    else {
      best = { ...tried, full: true }
      low = middle + 1
    }
  }
  return best
}
