import { QuarryError } from '../../src/core/errors.ts'
import { loadRuntime, type Runtime, type RuntimeSession, type RuntimeTensor } from './runtime.ts'

/** The tokens of one text or pair, framed. */
export interface Row {
  readonly ids: Int32Array
  /** Where the second text of a pair begins; the length where there is none. */
  readonly secondFrom: number
  /** How many of the ids, from the first, the others look at. */
  readonly seen: number
}

/** One output of a graph for a batch: `dims` are batch, then (sequence, width) or (width). */
export interface Output {
  readonly dims: readonly number[]
  readonly data: Float32Array
}

export interface Session {
  /** Runs a batch, each row padded to the longest. */
  run(rows: readonly Row[]): Promise<Output>
}

const INPUTS = ['input_ids', 'attention_mask', 'token_type_ids']

/**
 * Opens a graph and chooses one of its outputs: the first of `outputs` that it has, or else its first.
 * `unsupported` where there is no runtime, the file is not a graph, or it takes other inputs than a BERT.
 */
export async function openSession(
  path: string,
  outputs: readonly string[],
  threads: number,
  padId: number,
): Promise<Session> {
  const ort = loadRuntime()
  const session = await open(ort, path, threads)
  const strange = session.inputNames.filter((name) => !INPUTS.includes(name))
  const output =
    outputs.find((name) => session.outputNames.includes(name)) ?? session.outputNames[0]
  if (strange.length > 0 || output === undefined)
    throw new QuarryError(
      'unsupported',
      `the model in ${path} takes ${session.inputNames.join(', ')} and gives ${session.outputNames.join(', ')}; only ${INPUTS.join(', ')} can be given to it`,
    )
  return {
    run: async (rows) => {
      const length = rows.reduce((most, { ids }) => Math.max(most, ids.length), 1)
      const dims = [rows.length, length]
      const feeds: Record<string, RuntimeTensor> = {}
      for (const name of session.inputNames)
        feeds[name] = new ort.Tensor('int64', fill(name, rows, length, padId), dims)
      // All outputs: asked for some, version 1.17.0 answers under the names of others.
      const found = (await session.run(feeds))[output]
      return checked(found, rows.length, output)
    },
  }
}

async function open(ort: Runtime, path: string, threads: number): Promise<RuntimeSession> {
  try {
    return await ort.InferenceSession.create(path, {
      intraOpNumThreads: threads,
      interOpNumThreads: 1,
      executionMode: 'sequential',
      graphOptimizationLevel: 'all',
      // Shapes differ from batch to batch; a plan for each would only be kept, never used again.
      enableMemPattern: false,
    })
  } catch (cause) {
    throw new QuarryError('unsupported', `${path} cannot be opened: ${firstLine(cause)}`, { cause })
  }
}

export function firstLine(cause: unknown): string {
  const message = cause instanceof Error ? cause.message : String(cause)
  return (message.split('\n')[0] ?? '').slice(0, 400)
}

function fill(name: string, rows: readonly Row[], length: number, padId: number): BigInt64Array {
  const values = new BigInt64Array(rows.length * length)
  if (name === 'input_ids' && padId !== 0) values.fill(BigInt(padId))
  rows.forEach(({ ids, secondFrom, seen }, row) => {
    const at = row * length
    if (name === 'input_ids')
      ids.forEach((id, i) => {
        values[at + i] = BigInt(id)
      })
    else if (name === 'attention_mask') values.fill(1n, at, at + seen)
    else values.fill(1n, at + secondFrom, at + ids.length)
  })
  return values
}

function checked(found: RuntimeTensor | undefined, rows: number, output: string): Output {
  const data = found?.data
  const dims = found?.dims ?? []
  const sound = (dims.length === 2 || dims.length === 3) && dims[0] === rows
  if (data instanceof Float32Array && sound) return { dims, data }
  throw new QuarryError(
    'unsupported',
    `the model's output ${output} is ${found?.type ?? 'absent'} [${dims.join(', ')}]; float32 with one entry a text is needed`,
  )
}
