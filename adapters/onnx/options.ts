import { z } from 'zod'
import { within } from '../options.ts'

/** What every adapter that runs a model of a local folder can be told about it. */
export const modelOptions = {
  /** Holds the model's files: ONNX graph, `config.json`, tokenizer. */
  folder: z.string().min(1).max(4_096),
  /** The graph within the folder, such as `onnx/model_quantized.onnx`; `model.onnx` or `onnx/model.onnx` when absent. */
  file: z.string().min(1).max(1_024).optional(),
  /** Cuts texts earlier than the model would: attention costs grow faster than length. */
  tokens_max: z.int().min(8).max(32_768).optional(),
  processes: within('onnxProcesses'),
  threads: within('onnxThreads'),
  memory_mib: within('onnxMemoryMiB'),
  batch_tokens: within('onnxBatchTokens'),
  queue: within('onnxQueue'),
  start_ms: within('onnxStartMs'),
  run_ms: within('onnxRunMs'),
  grace_ms: within('onnxGraceMs'),
  breaker_failures: within('breakerFailures'),
  breaker_open_ms: within('breakerOpenMs'),
}

const modelSchema = z.strictObject(modelOptions)

export type ModelOptions = z.output<typeof modelSchema>
