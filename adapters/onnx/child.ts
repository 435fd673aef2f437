import { QuarryError } from '../../src/core/errors.ts'
import { type Model, openModel } from './open-model.ts'
import type { Bundle, ChildMessage, ChildSettings, ModelInput } from './protocol.ts'
import { firstLine, type Row } from './session.ts'

const settings = JSON.parse(process.argv[2] ?? '{}') as ChildSettings

/** Resolves when the message has left: a run holds this thread, and with it whatever had not. */
function send(message: ChildMessage): Promise<void> {
  return new Promise((resolve) => process.send?.(message, undefined, undefined, () => resolve()))
}

interface Item {
  readonly input: ModelInput
  readonly row: Row
  readonly place: number
}

async function answer(model: Model, { inputs }: Bundle): Promise<void> {
  const items = inputs.map((input, place) => ({ input, row: model.rowOf(input), place }))
  for (const batch of pack(items)) await run(model, batch)
  await send({ kind: 'end' })
}

/** Texts of like length together, so that little is padded; never more than the budget, but for one text alone. */
function* pack(items: readonly Item[]): Generator<readonly Item[]> {
  const sorted = items.toSorted((a, b) => a.row.ids.length - b.row.ids.length)
  let batch: Item[] = []
  for (const item of sorted) {
    const padded = item.row.ids.length * (batch.length + 1)
    if (batch.length > 0 && padded > settings.batchTokens) {
      yield batch
      batch = []
    }
    batch.push(item)
  }
  if (batch.length > 0) yield batch
}

async function run(model: Model, batch: readonly Item[]): Promise<void> {
  const places = batch.map(({ place }) => place)
  try {
    const vectors = await model.run(
      batch.map(({ input }) => input),
      batch.map(({ row }) => row),
    )
    const { width } = model.description
    const values = new Float32Array(vectors.length * width)
    for (const [at, vector] of vectors.entries()) values.set(vector, at * width)
    await send({ kind: 'batch', places, values, tokens: batch.map(({ row }) => row.ids.length) })
  } catch (error) {
    await send({ kind: 'fault', places, message: firstLine(error) })
  }
}

async function serve(): Promise<void> {
  const model = await openModel(settings)
  process.on('message', (bundle: Bundle) => void answer(model, bundle))
  await send({ kind: 'ready', description: model.description })
}

// The parent alone decides when this process ends.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => {})
process.on('disconnect', () => process.exit(0))
try {
  await serve()
} catch (error) {
  const code = error instanceof QuarryError ? error.code : 'unavailable'
  await send({ kind: 'failed', code, message: firstLine(error) })
  process.exit(1)
}
