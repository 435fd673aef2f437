import { join } from 'node:path'

/** Folder of evaluation sets in BEIR layout. */
export const DATASETS: string = process.env['BENCH_DATASETS'] ?? join('..', 'shared', 'data')
