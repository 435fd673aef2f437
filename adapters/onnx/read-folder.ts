import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { basename, dirname, join, resolve } from 'node:path'
import { z } from 'zod'
import { QuarryError } from '../../src/core/errors.ts'
import { familyOf } from './families.ts'
import type { ChildSettings, Pooling } from './protocol.ts'
import { exists, readModelJson } from './read-file.ts'
import { type ModelTokenizer, readTokenizer, tokenizerConfigSchema } from './read-tokenizer.ts'

/** What the files of a folder say about a model, and the profile of its family where they are silent. */
export interface ModelFolder {
  readonly path: string
  readonly tokenizer: ModelTokenizer
  readonly tokensMax: number
  readonly queryPrefix: string
  readonly passagePrefix: string
  /** Null where neither says. */
  readonly pooling: Pooling | null
  readonly normalize: boolean
}

const configSchema = z.looseObject({
  _name_or_path: z.string().optional(),
  max_position_embeddings: z.int().optional(),
})
const modulesSchema = z.array(z.looseObject({ path: z.string(), type: z.string() }))
const poolingSchema = z.looseObject({
  pooling_mode_cls_token: z.boolean().default(false),
  pooling_mode_mean_tokens: z.boolean().default(false),
  pooling_mode_lasttoken: z.boolean().default(false),
  pooling_mode_max_tokens: z.boolean().default(false),
  pooling_mode_mean_sqrt_len_tokens: z.boolean().default(false),
  pooling_mode_weightedmean_tokens: z.boolean().default(false),
})
const sentenceSchema = z.looseObject({
  max_seq_length: z.int().nullish(),
  do_lower_case: z.boolean().optional(),
})
const promptsSchema = z.looseObject({
  prompts: z.record(z.string(), z.string().nullable()).optional(),
})

const GRAPHS = ['model.onnx', 'onnx/model.onnx']

export async function readModelFolder(settings: ChildSettings): Promise<ModelFolder> {
  const { folder } = settings
  const path = await findGraph(settings)
  const config = (await readModelJson(folder, 'config.json', configSchema)) ?? {}
  const sentence = (await readModelJson(folder, 'sentence_bert_config.json', sentenceSchema)) ?? {}
  const names = await readModelJson(folder, 'config_sentence_transformers.json', promptsSchema)
  const family = familyOf([basename(resolve(folder)), config._name_or_path ?? ''])
  const modules = await readModelJson(folder, 'modules.json', modulesSchema)
  if (settings.task === 'embed') refuseDense(folder, modules)
  const prompts = names?.prompts
  return {
    path,
    tokenizer: await readTokenizer(folder, sentence.do_lower_case ?? false),
    tokensMax: await lengthOf(settings, [sentence.max_seq_length, config.max_position_embeddings]),
    queryPrefix: prompts?.['query'] ?? family?.query ?? '',
    passagePrefix: prompts?.['document'] ?? prompts?.['passage'] ?? family?.passage ?? '',
    pooling: settings.pooling ?? (await poolingOf(folder, modules)) ?? family?.pooling ?? null,
    normalize: settings.normalize ?? modules?.some(isNormalize) ?? true,
  }
}

type Module = z.output<typeof modulesSchema>[number]

function isNormalize({ type }: Module): boolean {
  return type.endsWith('Normalize')
}

async function findGraph({ folder, file }: ChildSettings): Promise<string> {
  const wanted = file === null ? GRAPHS : [file]
  for (const name of wanted) if (await exists(join(folder, name))) return join(folder, name)
  throw new QuarryError('invalid_request', `${resolve(folder)} has no ${wanted.join(' or ')}`)
}

/** A dense layer after pooling has its weights in a file of its own, outside the graph. */
function refuseDense(folder: string, modules: readonly Module[] | null): void {
  const known = /(Transformer|Pooling|Normalize)$/
  const other = modules?.find(({ type }) => !known.test(type))
  if (other !== undefined)
    throw new QuarryError('unsupported', `${folder}: modules.json asks for ${other.type}`)
}

async function poolingOf(
  folder: string,
  modules: readonly Module[] | null,
): Promise<Pooling | null> {
  const module = modules?.find(({ type }) => type.endsWith('Pooling'))
  const name = join(module?.path ?? '1_Pooling', 'config.json')
  const modes = await readModelJson(folder, name, poolingSchema)
  if (modes === null) return null
  const others =
    modes.pooling_mode_max_tokens ||
    modes.pooling_mode_mean_sqrt_len_tokens ||
    modes.pooling_mode_weightedmean_tokens
  const asked: Pooling[] = []
  if (modes.pooling_mode_cls_token) asked.push('cls')
  if (modes.pooling_mode_mean_tokens) asked.push('mean')
  if (modes.pooling_mode_lasttoken) asked.push('last')
  const [only] = asked
  if (only !== undefined && asked.length === 1 && !others) return only
  throw new QuarryError(
    'unsupported',
    `${join(folder, name)} asks for a pooling that is not built in; mean, cls and last are, one at a time`,
  )
}

/** The least of what the files and the options say: a longer text would be read past the model's positions. */
async function lengthOf(
  { folder, tokensMax }: ChildSettings,
  said: readonly (number | null | undefined)[],
): Promise<number> {
  const tokenizer = await readModelJson(folder, 'tokenizer_config.json', tokenizerConfigSchema)
  const known = [...said, tokenizer?.model_max_length, tokensMax].filter(
    (length) => typeof length === 'number' && length >= 8 && length < 1_000_000,
  )
  return known.length === 0 ? 512 : Math.min(...(known as number[]))
}

/** A hash of everything in a folder that decides what the model answers; `settled` is what was read and chosen. */
export async function revisionOf(path: string, settled: readonly unknown[]): Promise<string> {
  const hash = createHash('sha256')
  // Weights beyond 2 GiB lie beside the graph.
  for (const part of new Set([path, `${path}_data`, join(dirname(path), 'model.onnx_data')])) {
    if (part !== path && !(await exists(part))) continue
    for await (const bytes of createReadStream(part, { highWaterMark: 1 << 20 })) hash.update(bytes)
  }
  hash.update(JSON.stringify(settled))
  return hash.digest('hex').slice(0, 16)
}
