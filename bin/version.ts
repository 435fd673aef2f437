import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { packageRoot } from './package-root.ts'

export async function version(): Promise<string> {
  const text = await readFile(join(await packageRoot(), 'package.json'), 'utf8')
  return (JSON.parse(text) as { version: string }).version
}
