import type { Dataset } from '../../eval/types.ts'
import type { GoldenQuery } from '../catalog/golden-queries.ts'

/** Those golden queries that have something relevant, as what an evaluation asks. Their documents stay where they are. */
export function goldenDataset(name: string, golden: readonly GoldenQuery[]): Dataset {
  const judged = golden.filter(({ relevant }) => Object.values(relevant).some((grade) => grade > 0))
  return {
    name,
    queries: judged.map(({ id, query }) => ({ id, text: query })),
    qrels: new Map(judged.map(({ id, relevant }) => [id, new Map(Object.entries(relevant))])),
    corpus: noCorpus,
  }
}

async function* noCorpus(): AsyncGenerator<never> {}
