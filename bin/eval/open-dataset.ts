import { stat } from 'node:fs/promises'
import { readBeir } from '../../eval/formats/beir.ts'
import { readGoldenSet } from '../../eval/formats/golden-set.ts'
import { readTrec } from '../../eval/formats/trec.ts'
import type { Dataset } from '../../eval/types.ts'
import { QuarryError } from '../../src/core/errors.ts'
import type { ConnectOptions } from '../connect.ts'
import { openGoldenQueries } from './open-golden-queries.ts'

export interface DatasetOptions extends ConnectOptions {
  readonly split: string
  readonly qrels?: string
  /** Most queries; those that stay are evenly spread over the set. */
  readonly queries: number
  readonly collection?: string
}

/**
 * Opens a folder in BEIR layout, a JSONL of golden queries, or TREC topics with their judgments; without a path, the
 * golden queries of the collection that is named.
 * @throws QuarryError `invalid_request` when it is none of them, or has no documents and no collection is named
 */
export async function openDataset(
  path: string | undefined,
  options: DatasetOptions,
): Promise<Dataset> {
  const dataset = await open(path, options)
  return { ...dataset, queries: spread(dataset.queries, options.queries) }
}

async function open(path: string | undefined, options: DatasetOptions): Promise<Dataset> {
  if (path === undefined) {
    if (options.collection !== undefined) return openGoldenQueries(options.collection, options)
    throw new QuarryError(
      'invalid_request',
      'name a set, or a --collection to ask its golden queries',
    )
  }
  const isFolder = await stat(path).then(
    (found) => found.isDirectory(),
    () => false,
  )
  if (!isFolder && options.collection === undefined)
    throw new QuarryError(
      'invalid_request',
      `${path} is no folder with documents of its own: name the --collection that holds them`,
    )
  if (isFolder) return await readBeir(path, options.split)
  return options.qrels === undefined
    ? await readGoldenSet(path)
    : await readTrec(path, options.qrels)
}

/** Evenly spaced ones of a list, so that neighbours in the file do not crowd the sample. */
function spread<T>(list: readonly T[], count: number): readonly T[] {
  if (list.length <= count) return list
  return Array.from({ length: count }, (_, at) => list[Math.floor((at * list.length) / count)] as T)
}
