import { join } from 'node:path'
import { z } from 'zod'
import { QuarryError } from '../../src/core/errors.ts'
import { openWordPiece, type WordPiece } from '../wordpiece/open-word-piece.ts'
import { readModelJson, readModelText } from './read-file.ts'

/** A BERT-family tokenizer with the ids that frame a text. */
export interface ModelTokenizer {
  readonly words: WordPiece
  readonly cls: number
  readonly sep: number
  readonly pad: number
  /** Null in a vocabulary without one. */
  readonly mask: number | null
  /** Whether a pair is `[CLS] a [SEP] b [SEP]`. */
  readonly pairs: boolean
  idOf(token: string): number | undefined
  /** Names the vocabulary and the spelling, for the model's revision. */
  readonly fingerprint: string
}

const special = z
  .union([z.string(), z.looseObject({ content: z.string() })])
  .transform((token) => (typeof token === 'string' ? token : token.content))

export const tokenizerConfigSchema = z.looseObject({
  tokenizer_class: z.string().optional(),
  do_lower_case: z.boolean().optional(),
  strip_accents: z.boolean().nullish(),
  model_max_length: z.number().optional(),
  cls_token: special.nullish(),
  sep_token: special.nullish(),
  pad_token: special.nullish(),
  mask_token: special.nullish(),
  unk_token: special.nullish(),
})

export type TokenizerConfig = z.output<typeof tokenizerConfigSchema>

const typed = z.looseObject({ type: z.string() })

const tokenizerSchema = z.looseObject({
  added_tokens: z.array(z.looseObject({ id: z.int(), content: z.string() })).default([]),
  normalizer: z
    .looseObject({
      type: z.string(),
      lowercase: z.boolean().optional(),
      strip_accents: z.boolean().nullish(),
    })
    .nullish(),
  pre_tokenizer: typed.nullish(),
  post_processor: typed.nullish(),
  model: z.looseObject({
    type: z.string().optional(),
    vocab: z.unknown(),
    unk_token: z.string().nullish(),
    continuing_subword_prefix: z.string().optional(),
    max_input_chars_per_word: z.int().optional(),
  }),
})

interface Vocabulary {
  readonly tokens: readonly string[]
  readonly lowercase: boolean
  readonly stripAccents: boolean
  readonly unknownToken: string
  readonly wordCharsMax: number
  readonly pairs: boolean
}

/** Reads `tokenizer.json`, or else `vocab.txt`; `unsupported` names the tokenizer where it is not BERT's WordPiece. */
export async function readTokenizer(folder: string, lowercased: boolean): Promise<ModelTokenizer> {
  const config = (await readModelJson(folder, 'tokenizer_config.json', tokenizerConfigSchema)) ?? {}
  const vocabulary = (await fromJson(folder)) ?? (await fromText(folder, config))
  if (vocabulary === null)
    throw new QuarryError('unsupported', `${folder} has neither tokenizer.json nor vocab.txt`)
  const { tokens, unknownToken, wordCharsMax, stripAccents, pairs } = vocabulary
  const lowercase = vocabulary.lowercase || lowercased
  const words = openWordPiece(tokens, { lowercase, stripAccents, unknownToken, wordCharsMax })
  if (words.unknownId < 0)
    throw new QuarryError('unsupported', `the vocabulary in ${folder} has no ${unknownToken}`)
  const idOf = (token: string): number | undefined => words.idOf(token)
  const need = (role: string, token: string): number => {
    const id = idOf(token)
    if (id !== undefined) return id
    throw new QuarryError('unsupported', `the vocabulary in ${folder} has no ${role} ${token}`)
  }
  return {
    words,
    cls: need('cls_token', config.cls_token ?? '[CLS]'),
    sep: need('sep_token', config.sep_token ?? '[SEP]'),
    pad: need('pad_token', config.pad_token ?? '[PAD]'),
    mask: idOf(config.mask_token ?? '[MASK]') ?? null,
    pairs,
    idOf,
    fingerprint: JSON.stringify([tokens, lowercase, stripAccents, unknownToken, wordCharsMax]),
  }
}

async function fromJson(folder: string): Promise<Vocabulary | null> {
  const file = await readModelJson(folder, 'tokenizer.json', tokenizerSchema)
  if (file === null) return null
  const { model, normalizer, pre_tokenizer, post_processor, added_tokens } = file
  const found = [
    // Files of old versions leave the model's type out; only WordPiece has this prefix.
    model.type ?? (model.continuing_subword_prefix === '##' ? 'WordPiece' : 'no model type'),
    normalizer?.type ?? 'no normalizer',
    pre_tokenizer?.type ?? 'no pre-tokenizer',
  ]
  if (found.join() !== 'WordPiece,BertNormalizer,BertPreTokenizer' || !isPrefix(model))
    throw new QuarryError(
      'unsupported',
      `the tokenizer in ${join(folder, 'tokenizer.json')} is ${found.join(', ')}; only BERT's is built in: WordPiece with ##, BertNormalizer, BertPreTokenizer`,
    )
  const lowercase = normalizer?.lowercase ?? true
  const entries = z.record(z.string(), z.int().min(0)).parse(model.vocab)
  const added = added_tokens.map(({ id, content }) => [content, id] as const)
  return {
    tokens: byId([...Object.entries(entries), ...added]),
    lowercase,
    stripAccents: normalizer?.strip_accents ?? lowercase,
    unknownToken: model.unk_token ?? '[UNK]',
    wordCharsMax: model.max_input_chars_per_word ?? 100,
    pairs: post_processor?.type !== 'RobertaProcessing',
  }
}

function isPrefix({
  continuing_subword_prefix = '##',
}: {
  continuing_subword_prefix?: string | undefined
}): boolean {
  return continuing_subword_prefix === '##'
}

async function fromText(folder: string, config: TokenizerConfig): Promise<Vocabulary | null> {
  const text = await readModelText(join(folder, 'vocab.txt'))
  if (text === null) return null
  const kind = config.tokenizer_class ?? 'BertTokenizer'
  if (!/^(Bert|DistilBert|Electra|MobileBert|MPNet)Tokenizer(Fast)?$/.test(kind))
    throw new QuarryError(
      'unsupported',
      `the tokenizer in ${folder} is ${kind}; only BERT's WordPiece is built in`,
    )
  const lowercase = config.do_lower_case ?? true
  return {
    tokens: text.replace(/\r?\n$/, '').split(/\r?\n/),
    lowercase,
    stripAccents: config.strip_accents ?? lowercase,
    unknownToken: config.unk_token ?? '[UNK]',
    wordCharsMax: 100,
    pairs: !kind.startsWith('MPNet'),
  }
}

const TOKENS_MAX = 2_000_000

/** Ids that no token has are filled with what no text can spell. */
function byId(entries: readonly (readonly [token: string, id: number])[]): string[] {
  const size = entries.reduce((most, [, id]) => Math.max(most, id + 1), 0)
  if (size > TOKENS_MAX)
    throw new QuarryError('unsupported', `a vocabulary of ${size} ids is more than ${TOKENS_MAX}`)
  const tokens = Array.from({ length: size }, (_, id) => `\n${id}`)
  for (const [token, id] of entries) tokens[id] = token
  return tokens
}
