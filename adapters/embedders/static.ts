import type { Embedder, EmbedderProfile } from '../../src/core/embedder.ts'
import { QuarryError } from '../../src/core/errors.ts'
import { createPace } from '../../src/core/pace.ts'
import { abortError } from '../http.ts'
import { openModel } from '../static-model/artefact.ts'
import { type StaticOptions, staticOptions } from './options.ts'

/** A text of which the model knows no more of the words is foreign to it; one of which it knows so many is not. */
const FOREIGN_SHARE = 0.4
const HOME_SHARE = 0.7

/**
 * A cosine of 0.85 is a paraphrase; below 0.6 a passage shares a subject with the query at most. See docs/QUALITY.md for
 * what was compared.
 */
const DENSE_WEIGHT = [
  { score: 0.6, weight: 0.48 },
  { score: 0.85, weight: 2 },
] as const

/** Means of token vectors distilled from a transformer: meaning without a network, in microseconds, in this thread. */
export async function openStatic(options: StaticOptions = {}): Promise<Embedder> {
  const { model: path } = staticOptions.parse(options)
  const model = await openModel(path)
  const embed = async (text: string, signal: AbortSignal): Promise<Float32Array> => {
    const pace = createPace()
    const slices = model.embedInSlices(text)
    for (;;) {
      if (signal.aborted) throw abortError(signal)
      const slice = slices.next()
      if (slice.done === true) return slice.value
      await pace()
    }
  }
  const profile: EmbedderProfile = {
    provider: 'quarry',
    model: model.name,
    revision: model.revision,
    dimensions: model.dimensions,
    normalized: true,
    queryPrefix: '',
    passagePrefix: '',
    inputTokensMax: 1_000_000,
    queryUsesStatistics: false,
    suggestedDenseWeight: DENSE_WEIGHT,
  }

  return {
    profile,
    embedPassages: async (texts, { signal }) => {
      const index = texts.indexOf('')
      if (index >= 0)
        throw new QuarryError('invalid_request', `text ${index} is empty`, { details: { index } })
      const vectors: Float32Array[] = []
      for (const text of texts) vectors.push(await embed(text, signal))
      return { vectors, tokens: 0 }
    },
    embedQuery: async (text, { signal }) => {
      if (text === '') throw new QuarryError('invalid_request', 'the query is empty')
      return { vectors: [await embed(text, signal)], tokens: 0 }
    },
    coverage: (text) => {
      const share = (model.knownWords(text) - FOREIGN_SHARE) / (HOME_SHARE - FOREIGN_SHARE)
      return Math.min(1, Math.max(0, share))
    },
    checkHealth: async () => {},
    close: async () => {},
  }
}
