import type { Analyzer } from '../../../../src/core/analyzer.ts'
import { QuarryError } from '../../../../src/core/errors.ts'
import type { LexicalStatistics } from '../../../../src/core/lexical-index.ts'
import type { StoredShard } from './stored-shard.ts'

/** Looks the shard up at each reading, since it may have come, gone or changed. */
export function statisticsOf(
  storedShard: () => StoredShard | undefined,
  analyzer: Analyzer,
): LexicalStatistics {
  return {
    get chunkCount() {
      return storedShard()?.chunkCount ?? 0
    },
    documentFrequency(term) {
      const stored = storedShard()
      if (stored === undefined || stored.chunkCount === 0) return 0
      if (stored.shard === null)
        throw new QuarryError('unavailable', 'the shard left the memory before its terms were read')
      return stored.shard.documentFrequency(term)
    },
    // The analyzer's own function, and no new one at each call: by it, rerankers know what they have analysed before.
    analyze: analyzer.terms,
  }
}
