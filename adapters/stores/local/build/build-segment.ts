import { basename } from 'node:path'
import { unending } from '../../../../src/core/unending.ts'
import type { DenseSpec } from '../../../../src/core/vector-store.ts'
import { buildColumns } from '../columns/build-columns.ts'
import type { VectorRows } from '../dense/dense-segment.ts'
import { encodeCodes, encodeRows } from '../dense/encode-rows.ts'
import type { Files } from '../files/files.ts'
import { buildHnsw } from '../hnsw/build-hnsw.ts'
import { buildIvfPq } from '../ivf/build-ivf-pq.ts'
import { buildChunks } from '../segment/build-chunks.ts'
import type { About } from '../segment/layout.ts'
import { type Part, writeSegment } from '../segment/write-segment.ts'
import { chooseKind, type SegmentKind } from './choose-kind.ts'
import type { BuildJob, Built } from './job.ts'
import type { RowSource } from './row-source.ts'

/** Writes a whole segment; its manifest names it later. A source without rows leaves no file. */
export async function buildSegment(job: BuildJob, source: RowSource, files: Files): Promise<Built> {
  const { spec, owner, path } = job
  const kind = chooseKind(spec.dense, source.count)
  if (source.count === 0) return { rows: 0, kind, bytes: 0 }
  const parts: Part[] = [
    { name: 'chunks', blocks: buildChunks(source.chunks()) },
    { name: 'columns', blocks: buildColumns(source.chunks()) },
  ]
  if (spec.lexical !== null) parts.push({ name: 'postings', blocks: source.postings(spec.lexical) })
  const vectors = spec.dense === null ? null : await buildVectors(job, kind, spec.dense, source)
  if (vectors !== null) parts.push(vectors.part)
  const about = { ...owner, file: basename(path), kind, rows: source.count, ...vectors?.about }
  const bytes = await writeSegment(files, path, about, parts)
  return { rows: source.count, kind, bytes: bytes + (vectors?.graphBytes ?? 0) }
}

interface BuiltVectors {
  readonly part: Part
  readonly about?: About
  readonly graphBytes?: number
}

/** Float rows stay on disk where a search does not compare them; a merge needs them. */
async function buildVectors(
  { graphPath }: BuildJob,
  kind: SegmentKind,
  dense: DenseSpec,
  source: RowSource,
): Promise<BuiltVectors> {
  const { dimensions, metric, algorithm } = dense
  const floats = new Float32Array(source.count * dimensions)
  await source.readVectors(floats, dimensions)
  const rows: VectorRows = { count: source.count, dimensions, metric, floats }
  const cold = ['floats']
  switch (kind) {
    case 'ivf_pq': {
      const asked = algorithm.kind === 'ivf_pq' ? algorithm : {}
      return { part: { name: 'vectors', blocks: { ...buildIvfPq(rows, asked), floats }, cold } }
    }
    case 'hnsw': {
      if (algorithm.kind !== 'hnsw') break
      const graph = await buildHnsw(rows, algorithm, graphPath, unending)
      return {
        part: { name: 'vectors', blocks: { ...encodeCodes(rows), floats }, cold },
        about: { graph_bytes: graph.bytes, graph_crc32: graph.crc32 },
        graphBytes: graph.bytes,
      }
    }
    default:
  }
  return { part: { name: 'vectors', blocks: encodeRows(rows) } }
}
