/** What is used of WebAssembly; TypeScript declares it for browsers only. */
interface WebAssemblyApi {
  readonly Memory: new (descriptor: {
    readonly initial: number
    readonly maximum: number
    readonly shared: true
  }) => WasmMemory
  readonly Module: new (bytes: Uint8Array) => WasmModule
  readonly Instance: new (
    module: WasmModule,
    imports: { readonly env: { readonly memory: WasmMemory } },
  ) => { readonly exports: unknown }
  validate(bytes: Uint8Array): boolean
}

export interface WasmMemory {
  /** Another object after each growth, over the same bytes. */
  readonly buffer: SharedArrayBuffer
  /** @throws RangeError where the machine has not as much */
  grow(pages: number): number
}

export type WasmModule = object

export const webAssembly = Reflect.get(globalThis, 'WebAssembly') as WebAssemblyApi
