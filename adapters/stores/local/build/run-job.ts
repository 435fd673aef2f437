import { unending } from '../../../../src/core/unending.ts'
import type { Files } from '../files/files.ts'
import { buildSegment } from './build-segment.ts'
import type { BuildJob, Built } from './job.ts'
import { mergeSource } from './merge-source.ts'
import type { RowSource } from './row-source.ts'
import { sealSource } from './seal-source.ts'

export async function runJob(job: BuildJob, files: Files): Promise<Built> {
  return await buildSegment(job, await sourceOf(job, files), files)
}

async function sourceOf(job: BuildJob, files: Files): Promise<RowSource> {
  return job.kind === 'seal'
    ? sealSource(job)
    : await mergeSource(files, job.inputs, job.owner, unending)
}
