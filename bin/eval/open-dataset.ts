import { stat } from 'node:fs/promises'
import { readBeir } from '../../eval/formats/beir.ts'
import { readGoldenSet } from '../../eval/formats/golden-set.ts'
import { readTrec } from '../../eval/formats/trec.ts'
import type { Dataset } from '../../eval/types.ts'
import { QuarryError } from '../../src/core/errors.ts'

export interface DatasetOptions {
  readonly split: string
  readonly qrels?: string
  /** Most queries; those that stay are evenly spread over the set. */
  readonly queries: number
  readonly collection?: string
}

/**
 * Opens a folder in BEIR layout, a JSONL of golden queries, or TREC topics with their judgments.
 * @throws QuarryError `invalid_request` when it is none of them, or has no documents and no collection is named
 */
export async function openDataset(path: string, options: DatasetOptions): Promise<Dataset> {
  const isFolder = await stat(path).then(
    (found) => found.isDirectory(),
    () => false,
  )
  if (!isFolder && options.collection === undefined)
    throw new QuarryError(
      'invalid_request',
      `${path} is no folder with documents of its own: name the --collection that holds them`,
    )
  const dataset = isFolder
    ? await readBeir(path, options.split)
    : options.qrels === undefined
      ? await readGoldenSet(path)
      : await readTrec(path, options.qrels)
  return { ...dataset, queries: spread(dataset.queries, options.queries) }
}

/** Evenly spaced ones of a list, so that neighbours in the file do not crowd the sample. */
function spread<T>(list: readonly T[], count: number): readonly T[] {
  if (list.length <= count) return list
  return Array.from({ length: count }, (_, at) => list[Math.floor((at * list.length) / count)] as T)
}
