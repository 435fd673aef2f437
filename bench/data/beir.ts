import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { DATASETS } from './datasets.ts'

export interface BeirSet {
  readonly documents: readonly {
    readonly id: string
    readonly title: string
    readonly text: string
  }[]
  readonly queries: readonly {
    readonly text: string
    readonly gains: ReadonlyMap<string, number>
  }[]
}

/** A set's test queries with what is relevant to each. */
export async function readBeir(name: string): Promise<BeirSet> {
  const folder = join(DATASETS, name)
  const read = async (file: string): Promise<string[]> =>
    (await readFile(join(folder, file), 'utf8')).split('\n').filter((line) => line !== '')
  const gains = new Map<string, Map<string, number>>()
  for (const line of (await read('qrels/test.tsv')).slice(1)) {
    const [query = '', document = '', gain = '0'] = line.split('\t')
    gains.set(query, (gains.get(query) ?? new Map()).set(document, Number(gain)))
  }
  const documents = (await read('corpus.jsonl')).map((line) => {
    const { _id, title, text } = JSON.parse(line) as { _id: string; title: string; text: string }
    return { id: _id, title, text }
  })
  const queries = (await read('queries.jsonl')).flatMap((line) => {
    const { _id, text } = JSON.parse(line) as { _id: string; text: string }
    const own = gains.get(_id)
    return own === undefined ? [] : [{ text, gains: own }]
  })
  return { documents, queries }
}

/** Järvelin and Kekäläinen 2002, as trec_eval has it. */
export function ndcg(
  ranked: readonly string[],
  gains: ReadonlyMap<string, number>,
  k: number,
): number {
  const discounted = (values: readonly number[]): number =>
    values.slice(0, k).reduce((sum, gain, rank) => sum + gain / Math.log2(rank + 2), 0)
  const ideal = discounted([...gains.values()].sort((a, b) => b - a))
  return ideal === 0 ? 0 : discounted(ranked.map((id) => gains.get(id) ?? 0)) / ideal
}
