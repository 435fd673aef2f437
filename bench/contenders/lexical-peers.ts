import { analysed, analysedPassages, type LexicalTask } from '../data/lexical-task.ts'
import { passagesFile } from '../data/passages.ts'
import type { Contender, Lane } from '../measure/lanes.ts'
import { lanceFullText } from '../peers/lancedb.ts'
import { miniSearch } from '../peers/minisearch.ts'
import { orama } from '../peers/orama.ts'
import { sqliteFullText } from '../peers/sqlite-fts.ts'

export const LEXICAL_K = 100

export const openLanceFullText = openStored(lanceFullText)
export const openSqliteFullText = openStored(sqliteFullText)

export async function openMiniSearch({ count, queries }: LexicalTask): Promise<Contender> {
  const texts = await analysedPassages(count)
  return { lanes: { search: miniSearch(texts, queries.map(analysed), LEXICAL_K) } }
}

export async function openOrama({ count, queries }: LexicalTask): Promise<Contender> {
  const texts = await analysedPassages(count)
  return { lanes: { search: await orama(texts, queries.map(analysed), LEXICAL_K) } }
}

type OpenStored = (
  name: string,
  texts: () => Promise<readonly string[]>,
  queries: readonly string[],
  k: number,
) => Promise<Lane>

/** For a peer that keeps its index in the cache folder, so that it reads the passages the first time only. */
function openStored(open: OpenStored): (task: LexicalTask) => Promise<Contender> {
  return async ({ count, queries }) => {
    const { digest } = await passagesFile(count)
    const texts = () => analysedPassages(count)
    const lane = await open(`${digest}-${count}`, texts, queries.map(analysed), LEXICAL_K)
    return { lanes: { search: lane } }
  }
}
