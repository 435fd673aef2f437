import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { limitsPage } from '../../docs/limits.ts'
import { loadConfig } from '../../src/config/load.ts'
import { snakeCase } from '../../src/core/casing.ts'
import { DEFAULT_LIMITS, LIMITS, type Limit } from '../../src/core/limits.ts'
import { adapterSchemas } from '../../src/service.ts'

const entries = Object.entries<Limit>(LIMITS)
const load = (limits: Readonly<Record<string, number>>) =>
  loadConfig(adapterSchemas, { flags: { limits } })

/** Where a default may be read: the limits themselves, and the schemas of a policy and of adapters' options. */
const MAY_READ = [
  'src/core/limits.ts',
  'src/catalog/policy.ts',
  'adapters/options.ts',
  'adapters/stores/local/engine/open-engine-parts.ts',
]

test('nothing takes a limit from its default instead of from the config', async () => {
  const folders = ['src', 'adapters', 'bin', 'migrations']
  const files = await Promise.all(
    folders.map(async (folder) => {
      const found = await readdir(folder, { recursive: true })
      return found.filter((file) => file.endsWith('.ts')).map((file) => join(folder, file))
    }),
  )
  const readers: string[] = []
  for (const file of files.flat()) {
    const text = await readFile(file, 'utf8')
    if (/LIMITS(\.\w+|\[\w+\])\.default|DEFAULT_LIMITS|default: \w+[^}]*\} = \w*LIMITS/.test(text))
      readers.push(file)
  }
  expect(files.flat().length).toBeGreaterThan(100)
  expect(readers.sort()).toEqual(MAY_READ.sort())
})

test('each is least ≤ default ≤ greatest, and a fixed one is one value', () => {
  for (const [name, { min, default: normal, max, setter }] of entries) {
    expect(min <= normal && normal <= max, name).toBe(true)
    expect(min === max, name).toBe(setter === 'fixed')
  }
})

test('the config sets those that are its own, within their bounds, and refuses the others by name', async () => {
  expect((await load({})).limits).toEqual(DEFAULT_LIMITS)
  for (const [name, { min, max, setter }] of entries) {
    const key = snakeCase(name)
    if (setter !== 'config') {
      await expect(load({ [key]: max }), name).rejects.toThrow(`limits.${key}: no such setting`)
      continue
    }
    const { limits } = await load({ [key]: max })
    expect(limits, name).toEqual({ ...DEFAULT_LIMITS, [name]: max })
    await expect(load({ [key]: max + 1 }), name).rejects.toThrow(`limits.${key}`)
    await expect(load({ [key]: min - 1 }), name).rejects.toThrow(`limits.${key}`)
  }
})

test('the page tells who sets what', () => {
  const page = limitsPage()
  for (const [name] of entries) expect(page).toContain(`| \`${snakeCase(name)}\` |`)
  const [, fixed = ''] = page.split('## Fixed')
  expect(fixed).toContain('| `document_id_bytes` | 256 |')
  expect(fixed).not.toContain('body_bytes')
})
