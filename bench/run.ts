import { benchRetrieve } from './retrieve.ts'

const BENCHES: Readonly<Record<string, (log: (line: string) => void) => Promise<object>>> = {
  retrieve: benchRetrieve,
}

const json = process.argv.includes('--json')
const [name] = process.argv.slice(2).filter((argument) => !argument.startsWith('-'))
const bench = name === undefined ? undefined : BENCHES[name]
if (bench === undefined) {
  process.stderr.write(`usage: npm run bench -- <${Object.keys(BENCHES).join('|')}> [--json]\n`)
  process.exit(2)
}
const result = await bench((line) => {
  process.stderr.write(`${line}\n`)
})
process.stdout.write(`${JSON.stringify(result, null, json ? undefined : 2)}\n`)
