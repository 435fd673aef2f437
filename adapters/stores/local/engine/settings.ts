import type { Logger } from './logger.ts'

export interface EngineSettings {
  /** Where indexes are kept. Without one they live in a temporary folder and end with the process. */
  readonly folder?: string | undefined
  /** Most memory for segments and deltas; shards that are not in use leave before it is exceeded. */
  readonly memoryBytes?: number | undefined
  /** Rows of a delta before it becomes a segment. */
  readonly deltaRows?: number | undefined
  /** Longest time that a write stays in a delta, and so would be read from the feed again after a crash. */
  readonly sealAfterMs?: number | undefined
  readonly log?: Logger | undefined
}
