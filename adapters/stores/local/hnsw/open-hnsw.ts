import { QuarryError } from '../../../../src/core/errors.ts'
import type { Metric } from '../../../../src/core/vector-store.ts'
import type { Files } from '../files/files.ts'
import type { ReadVectors } from './graph.ts'
import { checkGraphFile, type GraphFile } from './graph-file.ts'
import { type HnswSegment, hnswSegment, type ScanRows } from './hnsw-segment.ts'
import { type HnswSpec, isInt8 } from './hnsw-spec.ts'
import { hnswlibBytes, openHnswlibGraph } from './hnswlib-graph.ts'
import { openUsearchGraph, usearchBytes } from './usearch-graph.ts'

export interface HnswOptions {
  readonly files: Files
  readonly spec: HnswSpec
  readonly rows: number
  readonly dimensions: number
  readonly metric: Metric
  /** The most native memory that it may take. */
  readonly bytesMax: number
  /** The first pass of an exact scan, over the segment's int8 codes. */
  readonly scanRows: ScanRows
  /** The vectors as they were given; used with int8 only, since the other graph holds them itself. */
  readonly readVectors: ReadVectors
}

/** What a graph takes of native memory, to be known before it is loaded. */
export function hnswBytes(fileBytes: number, rows: number, spec: HnswSpec): number {
  return isInt8(spec) ? usearchBytes(fileBytes, rows) : hnswlibBytes(fileBytes, rows)
}

/**
 * Checks every byte of a graph's file before native code reads it.
 * @throws UnusableFile where the file must be made anew; QuarryError `unavailable` where it does not fit in memory or
 *   can't be read just now; `unsupported` where the native package is missing
 */
export async function openHnsw(
  file: GraphFile,
  options: HnswOptions,
  signal: AbortSignal,
): Promise<HnswSegment> {
  const { files, spec, rows, dimensions, metric, bytesMax, scanRows, readVectors } = options
  const bytes = hnswBytes(file.bytes, rows, spec)
  if (bytes > bytesMax)
    throw new QuarryError(
      'unavailable',
      `the graph ${file.path} takes ${bytes} bytes of memory and ${bytesMax} are left`,
      { details: { path: file.path, asked: bytes, left: bytesMax } },
    )
  await checkGraphFile(files, file, signal)
  if (isInt8(spec)) {
    const graph = await openUsearchGraph(file, rows, dimensions)
    return hnswSegment({ graph, spec, metric, scanRows, readVectors })
  }
  const graph = await openHnswlibGraph(file, rows, dimensions, metric)
  return hnswSegment({ graph, spec, metric, scanRows, readVectors: graph.readVectors })
}
