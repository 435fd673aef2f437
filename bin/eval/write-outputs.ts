import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type Evaluation, runOf } from '../../eval/evaluate.ts'
import { writeTrecRun } from '../../eval/formats/trec-run.ts'
import { htmlReport } from '../../eval/report/html.ts'
import { markdownReport } from '../../eval/report/markdown.ts'
import type { EvalResult } from '../../eval/result/schema.ts'

/** Writes all that an evaluation gives into one folder: the result, both reports, and a TREC run for each stage. */
export async function writeOutputs(
  folder: string,
  result: EvalResult,
  { stages }: Evaluation,
): Promise<void> {
  await mkdir(join(folder, 'runs'), { recursive: true })
  await writeFile(join(folder, 'result.json'), `${JSON.stringify(result)}\n`)
  await writeFile(join(folder, 'report.html'), htmlReport(result))
  await writeFile(join(folder, 'report.md'), markdownReport(result))
  for (const [stage, answers] of stages)
    await writeTrecRun(join(folder, 'runs', `${stage}.run`), runOf(answers), `quarry-${stage}`)
}
