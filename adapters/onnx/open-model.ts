import { QuarryError } from '../../src/core/errors.ts'
import { maxSim, readLateInteraction, unitVectors } from './late-interaction.ts'
import { poolRow, unit } from './pool.ts'
import type { ChildSettings, ModelDescription, ModelInput, ModelTask } from './protocol.ts'
import { type ModelFolder, readModelFolder, revisionOf } from './read-folder.ts'
import { rowOfPair, rowOfText } from './rows.ts'
import { type Output, openSession, type Row, type Session } from './session.ts'

/** A model that is loaded and has answered once. */
export interface Model {
  readonly description: ModelDescription
  rowOf(input: ModelInput): Row
  /** An answer for each input, given the rows that `rowOf` made of them. */
  run(inputs: readonly ModelInput[], rows: readonly Row[]): Promise<readonly Float32Array[]>
}

/** What a task makes of inputs and of the graph's answer. */
interface Task {
  rowOf(input: ModelInput): Row
  answer(output: Output, place: number, row: Row, input: ModelInput): Float32Array
  /** Before a batch is answered: what its inputs share. */
  prepare?(inputs: readonly ModelInput[]): Promise<void>
  /** What decides the answers beside the graph and the vocabulary. */
  readonly settled: readonly unknown[]
}

const OUTPUTS: Readonly<Record<ModelTask, readonly string[]>> = {
  embed: ['last_hidden_state', 'token_embeddings', 'sentence_embedding'],
  score: ['logits', 'scores'],
  max_sim: ['contextual', 'token_embeddings', 'last_hidden_state'],
}

export async function openModel(settings: ChildSettings): Promise<Model> {
  const folder = await readModelFolder(settings)
  const { tokenizer, tokensMax } = folder
  const outputs = OUTPUTS[settings.task]
  const session = await openSession(folder.path, outputs, settings.threads, tokenizer.pad)
  const task = await openTask(settings, folder, session)
  const run: Model['run'] = async (inputs, rows) => {
    await task.prepare?.(inputs)
    const output = await session.run(rows)
    return rows.map((row, at) => task.answer(output, at, row, inputs[at] ?? ['', null]))
  }
  const probe: ModelInput = ['ok', settings.task === 'embed' ? null : 'ok']
  const [vector] = await run([probe], [task.rowOf(probe)])
  const { queryPrefix, passagePrefix, normalize } = folder
  const { path } = folder
  return {
    rowOf: task.rowOf,
    run,
    description: {
      revision: await revisionOf(path, [tokenizer.fingerprint, tokensMax, ...task.settled]),
      width: vector?.length ?? 0,
      tokensMax,
      normalized: normalize,
      queryPrefix,
      passagePrefix,
    },
  }
}

async function openTask(
  settings: ChildSettings,
  folder: ModelFolder,
  session: Session,
): Promise<Task> {
  if (settings.task === 'embed') return openEmbed(settings, folder)
  if (settings.task === 'score') return openScore(settings, folder)
  return await openMaxSim(settings, folder, session)
}

function openEmbed(settings: ChildSettings, folder: ModelFolder): Task {
  const { tokenizer, tokensMax, pooling, normalize } = folder
  return {
    settled: ['embed', pooling, normalize],
    rowOf: ([text]) => rowOfText(tokenizer, text, tokensMax),
    answer: (output, place, row) => {
      if (pooling === null && output.dims.length === 3)
        throw new QuarryError(
          'unsupported',
          `nothing in ${settings.folder} says how token vectors become one (1_Pooling/config.json); set "pooling" as the model's card does`,
        )
      const vector = poolRow(output, place, row, pooling ?? 'mean')
      return normalize ? unit(vector) : vector
    },
  }
}

function openScore(settings: ChildSettings, { tokenizer, tokensMax }: ModelFolder): Task {
  if (!tokenizer.pairs)
    throw new QuarryError('unsupported', `${settings.folder}: its pairs are framed unlike BERT's`)
  return {
    settled: ['score'],
    rowOf: ([query, document]) => rowOfPair(tokenizer, query, document ?? '', tokensMax),
    answer: ({ dims, data }, place) => {
      const width = dims[1] ?? 0
      if (dims.length === 2 && width >= 1 && width <= 2)
        return data.slice(place * width, (place + 1) * width)
      throw new QuarryError(
        'unsupported',
        `the model in ${settings.folder} answers [${dims.join(', ')}]; a cross-encoder gives one or two logits a pair`,
      )
    },
  }
}

/** A query comes with many documents: its vectors are computed once. */
const QUERIES_KEPT = 16

async function openMaxSim(
  settings: ChildSettings,
  { tokenizer, tokensMax }: ModelFolder,
  session: Session,
): Promise<Task> {
  const late = await readLateInteraction(settings.folder, tokenizer, tokensMax)
  const queries = new Map<string, Float32Array>()
  return {
    settled: ['max_sim'],
    rowOf: ([, document]) => late.documentRow(document ?? ''),
    prepare: async (inputs) => {
      if (queries.size > QUERIES_KEPT) queries.clear()
      for (const [query] of inputs) {
        if (queries.has(query)) continue
        const row = late.queryRow(query)
        queries.set(query, unitVectors(await session.run([row]), 0, row, null))
      }
    },
    answer: (output, place, row, [query]) => {
      const width = output.dims[2]
      if (width === undefined)
        throw new QuarryError('unsupported', `${settings.folder} gives no vector a token`)
      const document = unitVectors(output, place, row, late.skipped)
      return Float32Array.of(maxSim(queries.get(query) ?? new Float32Array(0), document, width))
    },
  }
}
