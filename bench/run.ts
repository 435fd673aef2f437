import { benchEmbed } from './embed.ts'
import { BOUND_NAMES, benchEngine, tableOf } from './engine.ts'
import { benchRetrieve } from './retrieve.ts'

const USAGE = `usage: npm run bench -- retrieve [--json]
       npm run bench -- embed [--json]
       npm run bench -- engine [${BOUND_NAMES.join('|')}]… [--full] [--json]
`

const options = process.argv.slice(2).filter((argument) => argument.startsWith('-'))
const [bench, ...names] = process.argv.slice(2).filter((argument) => !argument.startsWith('-'))
const json = options.includes('--json')

if (bench === 'retrieve') {
  print(await benchRetrieve(log))
} else if (bench === 'embed') {
  print(await benchEmbed(log))
} else if (bench === 'engine' && names.every((name) => BOUND_NAMES.includes(name))) {
  const result = await benchEngine(log, names, options.includes('--full'))
  if (json) print(result)
  else process.stdout.write(`${tableOf(result.bounds)}\n`)
  process.exitCode = result.bounds.some(({ holds }) => holds === false) ? 1 : 0
} else {
  process.stderr.write(USAGE)
  process.exitCode = 2
}

function log(line: string): void {
  process.stderr.write(`${line}\n`)
}

function print(result: object): void {
  process.stdout.write(`${JSON.stringify(result, null, json ? undefined : 2)}\n`)
}
