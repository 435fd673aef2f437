import type { Command } from 'commander'
import { addChunks } from './chunks.ts'
import { addCompare } from './compare.ts'
import { addFetch } from './fetch.ts'
import { addGate } from './gate.ts'
import { addReport } from './report.ts'
import { addRun } from './run.ts'
import { addSuite } from './suite.ts'
import { addTune } from './tune.ts'

export function addEval(program: Command): void {
  const evaluation = program
    .command('eval')
    .summary('score retrieval, compare two results, gate a change')
    .description(
      'Retrieval quality by stage: run a set of judged queries, compare two results, gate a change on them.',
    )
  for (const add of [
    addRun,
    addCompare,
    addGate,
    addReport,
    addFetch,
    addChunks,
    addTune,
    addSuite,
  ])
    add(evaluation)
}
