import type { Files } from '../files/files.ts'
import { buildSegment } from './build-segment.ts'
import type { BuildJob, Built } from './job.ts'
import { mergeSource } from './merge-source.ts'
import type { RowSource } from './row-source.ts'
import { sealSource } from './seal-source.ts'

/** A thread that is told to stop is ended, so nothing in it waits for a signal. */
const unending = new AbortController().signal

export async function runJob(job: BuildJob, files: Files): Promise<Built> {
  return await buildSegment(job, await sourceOf(job, files), files)
}

async function sourceOf(job: BuildJob, files: Files): Promise<RowSource> {
  return job.kind === 'seal'
    ? sealSource(job.log)
    : await mergeSource(files, job.inputs, job.owner, unending)
}
