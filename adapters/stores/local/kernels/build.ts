import { writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { compileKernels, renderArtefact } from '../../../kernels/assembly-script.ts'

export const SOURCES = fileURLToPath(new URL('./assembly/', import.meta.url))
export const ARTEFACT = fileURLToPath(new URL('./artefact.ts', import.meta.url))

if (process.argv[1] === fileURLToPath(import.meta.url))
  writeFileSync(ARTEFACT, renderArtefact(SOURCES, compileKernels(SOURCES)))
