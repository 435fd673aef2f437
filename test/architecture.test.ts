import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { describe, expect, it } from 'vitest'
import { EMBEDDERS, RERANKERS, STORES } from '../adapters/registry.ts'
import { limitsPage } from '../docs/limits.ts'

const run = promisify(execFile)

async function sources(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true })
  return entries.filter((entry) => entry.endsWith('.ts')).map((entry) => join(folder, entry))
}

describe('architecture', () => {
  it('every store has its folder, its README, its conformance test and its line in the registry', async () => {
    const folders = await readdir('adapters/stores')
    expect(folders.length).toBeGreaterThan(1)
    expect(Object.keys(STORES).toSorted()).toEqual(folders.toSorted())
    for (const name of folders) {
      expect(existsSync(`adapters/stores/${name}/README.md`), name).toBe(true)
      expect(await readFile(`test/stores/${name}.test.ts`, 'utf8'), name).toContain(
        'testVectorStore',
      )
    }
  })

  it('src names no store, embedder or reranker but in its composition root and defaults', async () => {
    const names = Object.keys({ ...STORES, ...EMBEDDERS, ...RERANKERS })
    const defaults = ['local', 'http', 'lexical', 'late-interaction', 'static']
    const branded = names.filter((name) => !defaults.includes(name))
    expect(branded.length).toBeGreaterThan(1)
    const files = (await sources('src')).filter((file) => file !== 'src/service.ts')
    expect(files.length).toBeGreaterThan(50)
    const branch = new RegExp(`['"\`](?:${branded.join('|')})['"\`]`)
    for (const file of files) expect(branch.test(await readFile(file, 'utf8')), file).toBe(false)
  })

  it('files are small: none above 400 lines, the median below 120', async () => {
    const files = (
      await Promise.all(['src', 'adapters', 'bin', 'eval', 'migrations'].map(sources))
    ).flat()
    const lengths = await Promise.all(
      files.map(async (file) => (await readFile(file, 'utf8')).split('\n').length),
    )
    expect(files.length).toBeGreaterThan(80)
    expect(Math.max(...lengths)).toBeLessThanOrEqual(400)
    expect(lengths.toSorted((a, b) => a - b)[Math.floor(lengths.length / 2)]).toBeLessThan(120)
  })

  const violations = {
    'src/core': "import { x } from '../retrieve/x.ts'\nexport const y = x\n",
    'src/retrieve': "import { x } from '../http/x.ts'\nexport const y = x\n",
    'src/http': "import { x } from '../../adapters/x.ts'\nexport const y = x\n",
    'src/evals': "import { x } from '../http/x.ts'\nexport const y = x\n",
    eval: "import { x } from '../src/catalog/x.ts'\nexport const y = x\n",
    adapters: "import { x } from '../src/catalog/x.ts'\nexport const y = x\n",
  }
  for (const [folder, text] of Object.entries(violations)) {
    it(`the linter refuses a planted import against the direction in ${folder}`, async () => {
      const file = join(folder, 'planted-violation', 'planted.ts')
      await mkdir(join(folder, 'planted-violation'), { recursive: true })
      try {
        await writeFile(file, text.replaceAll("from '../", "from '../../"))
        const outcome = await run('npx', ['biome', 'lint', file]).then(
          () => 'accepted',
          (error: { stdout: string; stderr: string }) => error.stdout + error.stderr,
        )
        expect(outcome).toContain('noRestrictedImports')
      } finally {
        await rm(join(folder, 'planted-violation'), { recursive: true })
      }
    })
  }

  it('docs/LIMITS.md says what the limits say', async () => {
    expect(await readFile('docs/LIMITS.md', 'utf8')).toBe(limitsPage())
  })
})
