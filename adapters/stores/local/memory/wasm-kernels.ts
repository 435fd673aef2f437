import { type WasmMemory, type WasmModule, webAssembly } from '../../../kernels/web-assembly.ts'
import { WASM_BASE64 } from '../kernels/artefact.ts'
import type { KernelFunctions } from './kernels.ts'

let compiled: WasmModule | null | undefined

/** Null where this machine has no SIMD. */
export function wasmKernels(memory: WasmMemory): KernelFunctions | null {
  if (compiled === undefined) compiled = compile()
  if (compiled === null) return null
  const { exports } = new webAssembly.Instance(compiled, { env: { memory } })
  return exports as KernelFunctions
}

function compile(): WasmModule | null {
  const bytes = Buffer.from(WASM_BASE64, 'base64')
  return webAssembly.validate(bytes) ? new webAssembly.Module(bytes) : null
}
