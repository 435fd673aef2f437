import { createRequire } from 'node:module'
import { QuarryError } from '../../src/core/errors.ts'

const require = createRequire(import.meta.url)

/** What is used of onnxruntime-node. Every run of a session holds its thread. */
export interface Runtime {
  readonly InferenceSession: {
    create(path: string, options: object): Promise<RuntimeSession>
  }
  readonly Tensor: new (
    type: 'int64',
    data: BigInt64Array,
    dims: readonly number[],
  ) => RuntimeTensor
}

export interface RuntimeSession {
  readonly inputNames: readonly string[]
  readonly outputNames: readonly string[]
  run(
    feeds: Readonly<Record<string, RuntimeTensor>>,
  ): Promise<Readonly<Record<string, RuntimeTensor>>>
}

export interface RuntimeTensor {
  readonly type: string
  readonly dims: readonly number[]
  readonly data: unknown
}

/** @throws QuarryError `unsupported` where the package is absent or has no build for this system */
export function loadRuntime(load: () => unknown = () => require('onnxruntime-node')): Runtime {
  try {
    return load() as Runtime
  } catch (cause) {
    throw new QuarryError(
      'unsupported',
      'local models need onnxruntime-node, which is not installed or has no build for this system: npm install --ignore-scripts onnxruntime-node',
      { cause },
    )
  }
}
