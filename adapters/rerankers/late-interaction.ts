import type { Reranker } from '../../src/core/reranker.ts'
import { openModel } from '../static-model/artefact.ts'
import { openInteraction } from './late-interaction/interaction.ts'
import { rerankBy } from './lexical/rerank.ts'
import { LATE_INTERACTION } from './lexical/weights.ts'
import { type LateInteractionOptions, lateInteractionOptions } from './options.ts'

/**
 * The lexical reranker with one feature more: how well the passage meets the query token by token in meaning, by the
 * vectors of a static model.
 * @throws QuarryError `invalid_request` where the file is no such model
 */
export async function openLateInteraction(options: LateInteractionOptions = {}): Promise<Reranker> {
  const { model: path } = lateInteractionOptions.parse(options)
  const interaction = openInteraction(await openModel(path))
  return {
    name: 'late-interaction',
    calibrated: true,
    rerank: (query, candidates, call) =>
      rerankBy(LATE_INTERACTION, query, candidates, call, interaction),
    checkHealth: async () => {},
    close: async () => {},
  }
}
