import { writeFile } from 'node:fs/promises'
import type { Command } from 'commander'
import { htmlReport } from '../../../eval/report/html.ts'
import { markdownReport } from '../../../eval/report/markdown.ts'
import { readResult } from '../../../eval/result/read-result.ts'
import { choice, examples } from '../../options.ts'

interface Options {
  readonly format: 'html' | 'markdown'
  readonly out?: string
}

export function addReport(evaluation: Command): void {
  evaluation
    .command('report')
    .summary('make a page of a result')
    .description(
      'Writes a result as one HTML page that loads nothing from anywhere (plots, losses by stage, every query with its texts), or as Markdown.',
    )
    .argument('<result>', 'result.json of an evaluation')
    .addOption(choice('--format <format>', 'of the page', ['html', 'markdown']).default('html'))
    .option('-o, --out <file>', 'file to write; standard output without it')
    .addHelpText('after', examples('quarry eval report scifact/result.json -o scifact.html'))
    .action(report)
}

async function report(path: string, { format, out }: Options): Promise<void> {
  const result = await readResult(path)
  const page = format === 'html' ? htmlReport(result) : markdownReport(result)
  if (out === undefined) process.stdout.write(page)
  else await writeFile(out, page)
}
