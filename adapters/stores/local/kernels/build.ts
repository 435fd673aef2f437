import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const SOURCES = fileURLToPath(new URL('./assembly/', import.meta.url))
export const ARTEFACT = fileURLToPath(new URL('./artefact.ts', import.meta.url))

const OPTIONS = [
  ...['--runtime', 'stub', '--importMemory', '--sharedMemory', '--initialMemory', '1'],
  ...['--maximumMemory', '65536', '--enable', 'threads', '--enable', 'simd', '-O3', '--noAssert'],
]

/** Of the sources and the options, so that an artefact of other ones is known without compiling. */
export function digestSources(): string {
  const hash = createHash('sha256').update(OPTIONS.join(' '))
  for (const name of readdirSync(SOURCES).sort())
    hash.update(`\n${name}\n`).update(readFileSync(join(SOURCES, name)))
  return hash.digest('hex')
}

export function compileKernels(): Uint8Array {
  const folder = mkdtempSync(join(tmpdir(), 'quarry-kernels-'))
  try {
    const compiler = createRequire(import.meta.url).resolve('assemblyscript/bin/asc.js')
    const out = join(folder, 'kernels.wasm')
    execFileSync(process.execPath, [compiler, join(SOURCES, 'index.ts'), ...OPTIONS, '-o', out], {
      stdio: ['ignore', 'ignore', 'inherit'],
    })
    return readFileSync(out)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

/** The module that the engine loads: as text, so that neither a package nor a test has a binary file to find. */
export function renderArtefact(wasm: Uint8Array): string {
  const lines = Buffer.from(wasm)
    .toString('base64')
    .match(/.{1,92}/g)
  return [
    '/** Made by `npm run build:wasm` from the sources in assembly/; a test tells when it is old. */',
    `export const SOURCES_SHA256 = '${digestSources()}'`,
    '',
    'export const WASM_BASE64 = [',
    ...(lines ?? []).map((line) => `  '${line}',`),
    "].join('')",
    '',
  ].join('\n')
}

if (process.argv[1] === fileURLToPath(import.meta.url))
  writeFileSync(ARTEFACT, renderArtefact(compileKernels()))
