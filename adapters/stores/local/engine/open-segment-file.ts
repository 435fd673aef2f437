import { openAnalyzer } from '../../../../src/core/analysis/open-analyzer.ts'
import { unending } from '../../../../src/core/unending.ts'
import { openPostings } from '../bm25/open-postings.ts'
import type { SegmentKind } from '../build/choose-kind.ts'
import { openColumns } from '../columns/open-columns.ts'
import type { Region } from '../memory/memory.ts'
import { openChunks } from '../segment/open-chunks.ts'
import { type OpenSegment, openSegment } from '../segment/open-segment.ts'
import { Segment } from '../shard/segment.ts'
import { openVectors } from './open-vectors.ts'
import { graphOf } from './paths.ts'
import type { StoredShard } from './stored-shard.ts'

/**
 * Goes on whoever gives up on it, since others may wait for the same shard.
 * @throws UnusableFile where the file has to be made anew; `unavailable` where it can't be read now or does not fit
 */
export async function openSegmentFile(
  stored: StoredShard,
  file: string,
  rows: number,
): Promise<Segment> {
  const { files, memory } = stored.context
  const { collection, index, tenant } = stored.scope
  const opened = await openSegment(
    files,
    stored.pathOf(file),
    (bytes) => memory.allocate(bytes),
    { collection, index, tenant, file, rows },
    unending,
  )
  try {
    return await segmentOf(stored, file, rows, opened)
  } catch (error) {
    opened.space.free()
    throw error
  }
}

async function segmentOf(
  stored: StoredShard,
  name: string,
  rows: number,
  opened: OpenSegment<Region>,
): Promise<Segment> {
  const { space, fileBytes, about } = opened
  const { dense, lexical } = stored.spec
  const { files } = stored.context
  const chunks = openChunks(opened.part('chunks'), rows)
  const graphPath = stored.pathOf(graphOf(name))
  const vectors =
    dense === null ? null : await openVectors(files, graphPath, opened, dense, rows, unending)
  return new Segment({
    name,
    kind: about['kind'] as SegmentKind,
    rows,
    bytesInMemory: space.bytes + (vectors?.nativeBytes ?? 0),
    bytesOnDisk: fileBytes + Number(about['graph_bytes'] ?? 0),
    chunks,
    columns: openColumns(opened.part('columns'), {
      count: rows,
      rowsOfDocument: (id) => chunks.rowsOf(id),
    }),
    postings:
      lexical === null ? null : openPostings(opened.part('postings'), rows, lexical, space.kernels),
    dense: vectors?.dense ?? null,
    lexical: lexical === null ? null : { spec: lexical, analyzer: openAnalyzer(lexical.analyzer) },
    free: () => space.free(),
  })
}
