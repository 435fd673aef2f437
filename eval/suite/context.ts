import type { Stage, Target } from '../target.ts'
import type { Dataset } from '../types.ts'
import type { ChunkerSources } from './score-chunker.ts'
import type { SetScores } from './score-set.ts'

/** Which embedder makes the vectors: the one that a fresh install has, or one by its adapter. */
export type SuiteEmbedder = 'default' | 'static' | 'minilm' | 'none'

export interface Setup {
  readonly embedder: SuiteEmbedder
  readonly analyzer: 'english' | 'unicode' | 'code'
}

/** What the suite is given from outside: eval knows no adapter. */
export interface SuiteSources extends Pick<ChunkerSources, 'cut'> {
  /** Null when the data folder has no such set. */
  readonly readSet: (name: string) => Promise<Dataset | null>
  /**
   * Indexes a set under the defaults of a fresh install but for the setup.
   * @throws QuarryError `unsupported` when the embedder is not there, saying why
   */
  readonly openTarget: (
    dataset: Dataset,
    setup: Setup,
  ) => Promise<{ readonly target: Target; close(): Promise<void> }>
  readonly folderOf: (name: string) => string
  readonly signal: AbortSignal
  readonly log: (line: string) => void
  /** Every query of every set, instead of a sample of the large ones. */
  readonly full: boolean
}

export interface SuiteContext extends SuiteSources {
  /** Each set is indexed and asked once for each setup, whatever number of bounds look at it. Null without the set. */
  readonly scores: (
    name: string,
    setup: Setup,
    stages: readonly Stage[],
  ) => Promise<SetScores | null>
}
