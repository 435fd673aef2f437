import type { Job } from '../../catalog/catalog.ts'

export function presentJob(job: Job) {
  const { total, done, dead, cancelled, waiting } = job.counts
  return {
    id: job.id,
    collection: job.collection,
    state: job.state,
    counts: { total, done, dead, cancelled, waiting },
    failures: job.failures.map(({ document, reason }) => ({ document, reason })),
    created_at: job.createdAt.toISOString(),
    finished_at: job.finishedAt?.toISOString() ?? null,
  }
}
