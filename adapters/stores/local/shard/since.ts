import { comparePositions, type FeedPosition } from '../../../../src/core/model.ts'

/** Where something unsaved began: null stands for "before anything the feed told us". */
export type Since = FeedPosition | null

/** The earlier of two; undefined where nothing is unsaved. */
export function earlier(a: Since | undefined, b: Since | undefined): Since | undefined {
  if (a === undefined) return b
  if (b === undefined) return a
  if (a === null || b === null) return null
  return comparePositions(a, b) <= 0 ? a : b
}
