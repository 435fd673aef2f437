/** What the choice of segments to merge looks at. */
export interface MergeCandidate {
  readonly rows: number
  readonly deadCount: number
  /** Of the segment file, which is about what it takes in memory. */
  readonly bytes: number
}

/** Segments of one tier before they are merged into one of the next. */
const TIER_WIDTH = 4
/** All segments below this many rows are of the lowest tier. */
const FIRST_TIER_ROWS = 1_024
/** A segment is written again without its deleted rows once they are more than this share of it. */
const DEAD_SHARE_MAX = 0.3
/** Larger ones are not merged any more: four of them still fit the 4 GiB that one memory spans. */
const MERGED_BYTES_MAX = 3 * 2 ** 30

/**
 * Which segments to merge next; empty where none need it. Merging in tiers writes each row a logarithmic number of
 * times (O'Neil et al., The log-structured merge-tree, 1996).
 */
export function chooseMerge<S extends MergeCandidate>(segments: readonly S[]): readonly S[] {
  const worn = segments.find(({ rows, deadCount }) => deadCount > rows * DEAD_SHARE_MAX)
  if (worn !== undefined) return [worn]
  const tiers = new Map<number, S[]>()
  for (const segment of segments) {
    const tier = tierOf(segment.rows - segment.deadCount)
    const members = tiers.get(tier)
    if (members === undefined) tiers.set(tier, [segment])
    else members.push(segment)
  }
  const full = [...tiers].sort(([a], [b]) => a - b)
  for (const [, members] of full) {
    if (members.length < TIER_WIDTH) continue
    const chosen = members.slice(0, TIER_WIDTH)
    if (chosen.reduce((sum, { bytes }) => sum + bytes, 0) <= MERGED_BYTES_MAX) return chosen
  }
  return []
}

/** How far a shard is merged that nobody has written to for so long. */
export interface Quiet {
  readonly afterMs: number
  /** A segment is written again once what is merged into it is at least this share of it. */
  readonly shareMin: number
}

/** The longer a shard is left alone, the likelier it stays so, and the more a rewriting pays. */
export const QUIETS: readonly Quiet[] = [
  { afterMs: 5_000, shareMin: 0.5 },
  { afterMs: 60_000, shareMin: 0.1 },
]

/**
 * The same for a shard that nobody has written to for a while: its segments become one, or few. A search then goes
 * through one structure rather than several, and no row is written again for fewer new ones than the share says.
 * What is built must fit into the memory beside all that it replaces.
 */
export function chooseQuietMerge<S extends MergeCandidate>(
  segments: readonly S[],
  shareMin: number,
  roomBytes = MERGED_BYTES_MAX,
): readonly S[] {
  const bytesMax = Math.min(MERGED_BYTES_MAX, roomBytes)
  const rising = [...segments].sort((a, b) => a.bytes - b.bytes)
  let before = 0
  let count = 0
  for (const [at, { bytes }] of rising.entries()) {
    if (before + bytes > bytesMax) break
    if (before > 0 && before >= bytes * shareMin) count = at + 1
    before += bytes
  }
  return rising.slice(0, count)
}

function tierOf(rows: number): number {
  return rows < FIRST_TIER_ROWS
    ? 0
    : 1 + Math.floor(Math.log(rows / FIRST_TIER_ROWS) / Math.log(TIER_WIDTH))
}
