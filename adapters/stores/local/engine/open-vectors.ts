import type { DenseSpec } from '../../../../src/core/vector-store.ts'
import type { DenseSegment } from '../dense/dense-segment.ts'
import { openFlat, type VectorFacts } from '../dense/flat.ts'
import { readCodes } from '../dense/flat-block.ts'
import { searchCodes } from '../dense/scan-codes.ts'
import type { Files } from '../files/files.ts'
import type { ReadVectors } from '../hnsw/graph.ts'
import { hnswBytes, openHnsw } from '../hnsw/open-hnsw.ts'
import { openIvfPq } from '../ivf/open-ivf-pq.ts'
import type { Region } from '../memory/memory.ts'
import type { ColdBlock, OpenSegment } from '../segment/open-segment.ts'

export interface OpenedVectors {
  readonly dense: DenseSegment
  /** Beyond the segment's region. */
  readonly nativeBytes: number
}

/** The vectors of an opened segment, in the kind it says it has. */
export async function openVectors(
  files: Files,
  graphPath: string,
  opened: OpenSegment<Region>,
  spec: DenseSpec,
  count: number,
  signal: AbortSignal,
): Promise<OpenedVectors> {
  const { metric, dimensions } = spec
  const facts: VectorFacts = { metric, dimensions, count, kernels: opened.space.kernels }
  const blocks = opened.part('vectors')
  switch (opened.about['kind']) {
    case 'ivf_pq':
      return { dense: openIvfPq(blocks, facts), nativeBytes: 0 }
    case 'hnsw':
      return await openGraph(files, graphPath, opened, spec, facts, signal)
    default:
      return { dense: openFlat(blocks, facts), nativeBytes: 0 }
  }
}

async function openGraph(
  files: Files,
  path: string,
  opened: OpenSegment<Region>,
  { algorithm }: DenseSpec,
  facts: VectorFacts,
  signal: AbortSignal,
): Promise<OpenedVectors> {
  if (algorithm.kind !== 'hnsw')
    throw new TypeError(`a graph in an index of kind ${algorithm.kind}`)
  const { count, metric, dimensions } = facts
  const codes = readCodes(opened.part('vectors'), facts)
  const bytes = Number(opened.about['graph_bytes'])
  const file = { path, bytes, crc32: Number(opened.about['graph_crc32']) }
  const cold =
    algorithm.quantization === 'int8' ? await opened.openCold('vectors', 'floats', signal) : null
  const dense = await openHnsw(
    file,
    {
      files,
      spec: algorithm,
      rows: count,
      dimensions,
      metric,
      bytesMax: Number.POSITIVE_INFINITY,
      scanRows: (query, search, wanted, during) =>
        searchCodes(codes, metric, query, search, wanted, during),
      readVectors: cold === null ? nothingToRead : readerOf(cold, dimensions),
    },
    signal,
  ).catch(async (error: unknown) => {
    await cold?.close()
    throw error
  })
  const closed: DenseSegment = {
    kind: 'hnsw',
    search: (query, search, during) => dense.search(query, search, during),
    close() {
      dense.close()
      void cold?.close()
    },
  }
  return { dense: closed, nativeBytes: hnswBytes(bytes, count, algorithm) }
}

/** The graph without quantisation holds the vectors itself. */
const nothingToRead: ReadVectors = async () => new Float32Array(0)

function readerOf(cold: ColdBlock, dimensions: number): ReadVectors {
  return async (rows) => {
    const floats = new Float32Array(rows.length * dimensions)
    const bytes = new Uint8Array(floats.buffer)
    const rowBytes = dimensions * 4
    await Promise.all(
      rows.map((row, i) =>
        cold.read(bytes.subarray(i * rowBytes, (i + 1) * rowBytes), row * rowBytes),
      ),
    )
    return floats
  }
}
