import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, expect, test } from 'vitest'
import { maxSim, readLateInteraction, unitVectors } from '../../adapters/onnx/late-interaction.ts'
import { poolRow, unit } from '../../adapters/onnx/pool.ts'
import type { ChildSettings } from '../../adapters/onnx/protocol.ts'
import { readModelFolder } from '../../adapters/onnx/read-folder.ts'
import { readTokenizer } from '../../adapters/onnx/read-tokenizer.ts'
import { rowOf, rowOfPair, rowOfText } from '../../adapters/onnx/rows.ts'
import { loadRuntime } from '../../adapters/onnx/runtime.ts'
import { TINY, tinySettings, variantOf } from '../support/model-folder.ts'

const leftovers: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const remove of leftovers.splice(0)) await remove()
})

async function read(
  changes: Readonly<Record<string, string | object | null>>,
  settings: Partial<ChildSettings> = {},
  name?: string,
) {
  const variant = await variantOf(changes, name)
  leftovers.push(variant.remove)
  return await readModelFolder({ ...tinySettings, ...settings, folder: variant.folder })
}

const refused = (message: RegExp, code = 'unsupported') =>
  expect.objectContaining({ code, message: expect.stringMatching(message) })

const silent = {
  'config_sentence_transformers.json': null,
  '1_Pooling': null,
  'modules.json': null,
}

test("takes pooling, normalisation, length and prefixes from the model's own files", async () => {
  const found = await read({})
  expect(found).toMatchObject({
    pooling: 'mean',
    normalize: true,
    tokensMax: 48,
    queryPrefix: 'is ',
    passagePrefix: 'the ',
  })
})

test('takes what its files leave open from the profile of its family', async () => {
  const bge = await read(silent, {}, 'bge-small-en-v1.5')
  expect(bge.queryPrefix).toBe('Represent this sentence for searching relevant passages: ')
  expect(bge).toMatchObject({ passagePrefix: '', pooling: 'cls', normalize: true })
  const e5 = await read(silent, {}, 'multilingual-e5-small')
  expect(e5).toMatchObject({ queryPrefix: 'query: ', passagePrefix: 'passage: ', pooling: 'mean' })
  const named = await read({ ...silent, 'config.json': { _name_or_path: 'intfloat/e5-base-v2' } })
  expect(named.queryPrefix).toBe('query: ')
})

test('does not guess how a model of no known family pools', async () => {
  expect(await read(silent, {}, 'my-own-model')).toMatchObject({ pooling: null, queryPrefix: '' })
  expect(await read(silent, { pooling: 'last' }, 'my-own-model')).toMatchObject({ pooling: 'last' })
})

test('lets the files overrule the family, and the options the files', async () => {
  const files = await read({}, {}, 'bge-small-en-v1.5')
  expect(files).toMatchObject({ pooling: 'mean', queryPrefix: 'is ' })
  const options = await read({}, { pooling: 'cls', normalize: false, tokensMax: 16 })
  expect(options).toMatchObject({ pooling: 'cls', normalize: false, tokensMax: 16 })
})

test('does not scale vectors of a model whose modules do not', async () => {
  const modules = [
    { path: '', type: 'sentence_transformers.models.Transformer' },
    { path: '1_Pooling', type: 'sentence_transformers.models.Pooling' },
  ]
  expect(await read({ 'modules.json': modules })).toMatchObject({ normalize: false })
})

test('never takes a longer text than the model has positions', async () => {
  const found = await read({ 'sentence_bert_config.json': { max_seq_length: 100 } })
  expect(found.tokensMax).toBe(64)
  const endless = { 'tokenizer_config.json': { model_max_length: 1e30 }, 'config.json': {} }
  expect((await read({ ...endless, 'sentence_bert_config.json': null })).tokensMax).toBe(512)
})

test.each([
  [
    'weights outside the graph',
    { 'modules.json': [{ path: '2', type: 'x.models.Dense' }] },
    /Dense/,
  ],
  ['max pooling', { '1_Pooling/config.json': { pooling_mode_max_tokens: true } }, /pooling/],
  [
    'two poolings at once',
    { '1_Pooling/config.json': { pooling_mode_cls_token: true, pooling_mode_mean_tokens: true } },
    /one at a time/,
  ],
  ['no tokenizer', { 'tokenizer.json': null, 'vocab.txt': null }, /neither tokenizer.json nor/],
  ['a tokenizer that is not JSON', { 'tokenizer.json': '{"model":' }, /ends too early/],
  ['a config of another shape', { 'config.json': { max_position_embeddings: 'x' } }, /max_pos/],
])('refuses %s', async (_, changes, message) => {
  await expect(read(changes)).rejects.toEqual(refused(message))
})

test('says which tokenizer it found when it is not WordPiece', async () => {
  const other = { model: { type: 'Unigram', vocab: [] }, normalizer: { type: 'Precompiled' } }
  await expect(read({ 'tokenizer.json': other })).rejects.toEqual(
    refused(/is Unigram, Precompiled, no pre-tokenizer; only BERT's/),
  )
  const roberta = {
    'tokenizer.json': null,
    'tokenizer_config.json': { tokenizer_class: 'RobertaTokenizer' },
  }
  await expect(read(roberta)).rejects.toEqual(refused(/RobertaTokenizer/))
})

test('says which graph it looked for', async () => {
  await expect(read({ 'model.onnx': null })).rejects.toEqual(
    refused(/has no model.onnx or onnx\/model.onnx/, 'invalid_request'),
  )
  await expect(read({}, { file: 'onnx/model_quantized.onnx' })).rejects.toEqual(
    refused(/has no onnx\/model_quantized.onnx/, 'invalid_request'),
  )
})

test('reads the same tokens from vocab.txt as from tokenizer.json', async () => {
  const json = await readTokenizer(TINY, false)
  const text = (await read({ 'tokenizer.json': null })).tokenizer
  const sample = 'The Shard, indexed & naïve [SEP] x_1'
  expect([...text.words.encode(sample, 99)]).toEqual([...json.words.encode(sample, 99)])
  expect(text).toMatchObject({ cls: json.cls, sep: json.sep, pad: 0, mask: json.mask })
})

test('lets no text pass for a special token', async () => {
  const tokenizer = await readTokenizer(TINY, false)
  expect([...tokenizer.words.encode('[SEP] [CLS]', 99)]).not.toContain(tokenizer.sep)
})

test('cuts a text, and of a pair the document alone', async () => {
  const tokenizer = await readTokenizer(TINY, false)
  const { cls, sep } = tokenizer
  const text = [...rowOfText(tokenizer, 'the of and is the of and is', 6).ids]
  expect(text).toHaveLength(6)
  expect([text[0], text[5]]).toEqual([cls, sep])
  const pair = rowOfPair(tokenizer, 'the of', 'and is and is and is', 8)
  const ids = [cls, 'the', 'of', sep, 'and', 'is', 'and', sep].map((token) =>
    typeof token === 'string' ? tokenizer.idOf(token) : token,
  )
  expect([...pair.ids]).toEqual(ids)
  expect(pair.secondFrom).toBe(4)
  const greedy = rowOfPair(tokenizer, 'the '.repeat(50), 'of of of of', 16)
  expect(greedy.ids).toHaveLength(15)
  expect(greedy.secondFrom).toBe(10)
})

test('frames queries and documents as ColBERT was trained', async () => {
  const tokenizer = await readTokenizer(TINY, false)
  const late = await readLateInteraction(TINY, tokenizer, 48)
  const query = late.queryRow('the of')
  expect(query.ids).toHaveLength(12)
  expect(query.seen).toBe(5)
  expect([...query.ids.subarray(5)].every((id) => id === tokenizer.mask)).toBe(true)
  expect(query.ids[1]).toBe(tokenizer.idOf('[unused0]'))
  expect(late.documentRow('the of').ids[1]).toBe(tokenizer.idOf('[unused1]'))
  expect(late.skipped.has(tokenizer.idOf('!') ?? -1)).toBe(true)
})

test("reads PyLate's fields, and refuses a model that says nothing of queries and documents", async () => {
  const pylate = {
    query_prefix: '[unused1] ',
    document_prefix: '[unused0] ',
    query_length: 9,
    document_length: 10,
    do_query_expansion: false,
    skiplist_words: ['.'],
  }
  const variant = await variantOf({
    'artifact.metadata': null,
    'config_sentence_transformers.json': pylate,
  })
  leftovers.push(variant.remove)
  const tokenizer = await readTokenizer(variant.folder, false)
  const late = await readLateInteraction(variant.folder, tokenizer, 48)
  expect(late.queryRow('the').ids).toHaveLength(4)
  expect(late.queryRow('the').ids[1]).toBe(tokenizer.idOf('[unused1]'))
  expect([...late.skipped]).toEqual([tokenizer.idOf('.')])
  const mute = await variantOf({ 'artifact.metadata': null })
  leftovers.push(mute.remove)
  await expect(readLateInteraction(mute.folder, tokenizer, 48)).rejects.toEqual(
    refused(/neither artifact.metadata nor query_prefix/),
  )
})

test('pools what belongs to a row and leaves its padding out', () => {
  const data = Float32Array.of(9, 9, 9, 9, 9, 9, 1, 2, 3, 4, 100, 100)
  const output = { dims: [2, 3, 2], data }
  const row = rowOf([5, 6])
  expect([...poolRow(output, 1, row, 'mean')]).toEqual([2, 3])
  expect([...poolRow(output, 1, row, 'cls')]).toEqual([1, 2])
  expect([...poolRow(output, 1, row, 'last')]).toEqual([3, 4])
  expect([...poolRow({ dims: [2, 2], data }, 1, row, 'mean')]).toEqual([9, 9])
  expect([...unit(Float32Array.of(3, 4))]).toEqual([Math.fround(0.6), Math.fround(0.8)])
})

test("MaxSim takes each query vector's best and leaves the skipped tokens out", () => {
  const output = { dims: [1, 3, 2], data: Float32Array.of(2, 0, 0, 5, 0, -1) }
  const document = unitVectors(output, 0, rowOf([7, 8, 9]), new Set([8]))
  expect([...document]).toEqual([1, 0, 0, -1])
  expect(maxSim(Float32Array.of(1, 0, 0, 1), document, 2)).toBe(0.5)
})

test('tells how to get the runtime where it is absent', () => {
  const absent = () => {
    throw new Error("Cannot find module 'onnxruntime-node'")
  }
  expect(() => loadRuntime(absent)).toThrow(/npm install --ignore-scripts onnxruntime-node/)
})

test('keeps the fixture small', async () => {
  expect((await readFile(join(TINY, 'model.onnx'))).byteLength).toBeLessThan(200_000)
})
