import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const OPTIONS = [
  ...['--runtime', 'stub', '--importMemory', '--sharedMemory', '--initialMemory', '1'],
  ...['--maximumMemory', '65536', '--enable', 'threads', '--enable', 'simd', '-O3', '--noAssert'],
]

/** Of a folder of sources and the options, so that an artefact of other ones is known without compiling. */
export function digestSources(folder: string): string {
  const hash = createHash('sha256').update(OPTIONS.join(' '))
  for (const name of readdirSync(folder).sort())
    hash.update(`\n${name}\n`).update(readFileSync(join(folder, name)))
  return hash.digest('hex')
}

/** Compiles a folder's `index.ts` to WebAssembly over a shared memory that is given to it. */
export function compileKernels(folder: string): Uint8Array {
  const scratch = mkdtempSync(join(tmpdir(), 'quarry-kernels-'))
  try {
    const compiler = createRequire(import.meta.url).resolve('assemblyscript/bin/asc.js')
    const out = join(scratch, 'kernels.wasm')
    execFileSync(process.execPath, [compiler, join(folder, 'index.ts'), ...OPTIONS, '-o', out], {
      stdio: ['ignore', 'ignore', 'inherit'],
    })
    return readFileSync(out)
  } finally {
    rmSync(scratch, { recursive: true, force: true })
  }
}

/** The module that is loaded: as text, so that neither a package nor a test has a binary file to find. */
export function renderArtefact(folder: string, wasm: Uint8Array): string {
  const lines = Buffer.from(wasm)
    .toString('base64')
    .match(/.{1,92}/g)
  return [
    '/** Made by `npm run build:wasm` from the sources in assembly/; a test tells when it is old. */',
    `export const SOURCES_SHA256 = '${digestSources(folder)}'`,
    '',
    'export const WASM_BASE64 = [',
    ...(lines ?? []).map((line) => `  '${line}',`),
    "].join('')",
    '',
  ].join('\n')
}
