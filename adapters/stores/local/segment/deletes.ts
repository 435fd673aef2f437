import { type Bitmap, countRows, emptyBitmap, fullBitmap } from '../bitmap.ts'
import type { Files } from '../files/files.ts'
import type { About } from './layout.ts'
import { onHeap, openSegment } from './open-segment.ts'
import { UnusableFile } from './unusable-file.ts'
import { writeSegment } from './write-segment.ts'

/** The rows of a segment that are deleted, and what they took from its BM25 statistics. */
export interface Deletes {
  readonly rows: Bitmap
  /** How many of the deleted rows each term is in, by the numbers that the segment gives its terms. */
  readonly documentFrequencies: Uint32Array
  readonly lengthTotal: number
}

const PART = 'deletes'

/** The segment whose rows are deleted, and whatever else tells these deletes from others. */
export type DeletesAbout = About & { readonly rows: number }

/** A file in the format of segments. Answers its bytes. */
export function writeDeletes(
  files: Files,
  path: string,
  about: DeletesAbout,
  { rows: deleted, documentFrequencies, lengthTotal }: Deletes,
): Promise<number> {
  const blocks = { deleted, frequencies: documentFrequencies }
  return writeSegment(files, path, { ...about, kind: PART, length_total: lengthTotal }, [
    { name: PART, blocks },
  ])
}

/**
 * The deletes that say the same about themselves, the caller's to change.
 * @throws UnusableFile as `openSegment`
 */
export async function readDeletes(
  files: Files,
  path: string,
  about: DeletesAbout,
  signal: AbortSignal,
): Promise<Deletes> {
  const { rows } = about
  const opened = await openSegment(files, path, onHeap, { ...about, kind: PART }, signal)
  const blocks = opened.part(PART)
  const deleted = blocks.u32('deleted').slice()
  const documentFrequencies = blocks.u32('frequencies').slice()
  const lengthTotal = opened.about['length_total']
  if (typeof lengthTotal !== 'number' || !fits(deleted, rows))
    throw new UnusableFile('damaged', path, `these are not the deletes of ${rows} rows`)
  return { rows: deleted, documentFrequencies, lengthTotal }
}

function fits(deleted: Bitmap, rows: number): boolean {
  const outside = fullBitmap(rows).map((word, i) => ~word & (deleted[i] as number))
  return deleted.length === emptyBitmap(rows).length && countRows(outside) === 0
}
