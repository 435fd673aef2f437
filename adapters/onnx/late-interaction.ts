import { z } from 'zod'
import { QuarryError } from '../../src/core/errors.ts'
import { readModelJson } from './read-file.ts'
import type { ModelTokenizer } from './read-tokenizer.ts'
import { rowOf } from './rows.ts'
import type { Output, Row } from './session.ts'

/** How a ColBERT-style model wants queries and documents to be framed. */
export interface LateInteraction {
  queryRow(text: string): Row
  documentRow(text: string): Row
  /** Ids of a document's tokens that are not compared. */
  readonly skipped: ReadonlySet<number>
}

/** ColBERT's own file. */
const colbertSchema = z.looseObject({
  query_maxlen: z.int().min(8),
  doc_maxlen: z.int().min(8),
  query_token_id: z.string(),
  doc_token_id: z.string(),
  mask_punctuation: z.boolean().default(true),
  attend_to_mask_tokens: z.boolean().default(false),
})

/** PyLate's fields in `config_sentence_transformers.json`. */
const pylateSchema = z.looseObject({
  query_prefix: z.string(),
  document_prefix: z.string(),
  query_length: z.int().min(8),
  document_length: z.int().min(8),
  do_query_expansion: z.boolean().default(true),
  attend_to_expansion_words: z.boolean().default(false),
  skiplist_words: z.array(z.string()).default([]),
})

interface Markers {
  readonly query: string
  readonly document: string
  readonly queryTokens: number
  readonly documentTokens: number
  readonly expands: boolean
  readonly attends: boolean
  readonly skipped: readonly string[]
}

const PUNCTUATION = [...'!"#$%&\'()*+,-./:;<=>?@[\\]^_`{|}~']

/** Reads `artifact.metadata` or PyLate's fields; `unsupported` where neither says how the model was trained. */
export async function readLateInteraction(
  folder: string,
  tokenizer: ModelTokenizer,
  tokensMax: number,
): Promise<LateInteraction> {
  const markers = (await readColbert(folder)) ?? (await readPylate(folder))
  if (markers === null)
    throw new QuarryError(
      'unsupported',
      `${folder} has neither artifact.metadata nor query_prefix in config_sentence_transformers.json, so nothing says how to mark queries and documents`,
    )
  const { words, cls, sep, mask } = tokenizer
  const idOf = (marker: string): number => {
    const id = tokenizer.idOf(marker) ?? tokenizer.idOf(marker.trim())
    if (id !== undefined) return id
    throw new QuarryError('unsupported', `the vocabulary in ${folder} has no marker ${marker}`)
  }
  const queryMarker = idOf(markers.query)
  const documentMarker = idOf(markers.document)
  const queryTokens = Math.min(markers.queryTokens, tokensMax)
  const documentTokens = Math.min(markers.documentTokens, tokensMax)
  const skipped = markers.skipped.map((word) => tokenizer.idOf(word))
  return {
    queryRow: (text) => {
      const row = rowOf([cls, queryMarker, ...words.encode(text, queryTokens - 3), sep])
      if (!markers.expands || mask === null) return row
      const ids = new Int32Array(queryTokens).fill(mask)
      ids.set(row.ids)
      return { ids, secondFrom: ids.length, seen: markers.attends ? ids.length : row.ids.length }
    },
    documentRow: (text) =>
      rowOf([cls, documentMarker, ...words.encode(text, documentTokens - 3), sep]),
    skipped: new Set(skipped.filter((id) => id !== undefined)),
  }
}

async function readColbert(folder: string): Promise<Markers | null> {
  const file = await readModelJson(folder, 'artifact.metadata', colbertSchema)
  if (file === null) return null
  return {
    query: file.query_token_id,
    document: file.doc_token_id,
    queryTokens: file.query_maxlen,
    documentTokens: file.doc_maxlen,
    expands: true,
    attends: file.attend_to_mask_tokens,
    skipped: file.mask_punctuation ? PUNCTUATION : [],
  }
}

async function readPylate(folder: string): Promise<Markers | null> {
  const name = 'config_sentence_transformers.json'
  const written = await readModelJson(folder, name, z.looseObject({}))
  if (written?.['query_prefix'] === undefined) return null
  const file = await readModelJson(folder, name, pylateSchema)
  if (file === null) return null
  return {
    query: file.query_prefix,
    document: file.document_prefix,
    queryTokens: file.query_length,
    documentTokens: file.document_length,
    expands: file.do_query_expansion,
    attends: file.attend_to_expansion_words,
    skipped: file.skiplist_words,
  }
}

/** The vectors of one row of a batch that take part, one after another, each scaled to length 1. */
export function unitVectors(
  { dims, data }: Output,
  place: number,
  { ids }: Row,
  skipped: ReadonlySet<number> | null,
): Float32Array {
  const [, length = 0, width = 0] = dims
  const kept: number[] = []
  ids.forEach((id, token) => {
    if (skipped === null || !skipped.has(id)) kept.push(token)
  })
  const vectors = new Float32Array(kept.length * width)
  kept.forEach((token, at) => {
    const from = (place * length + token) * width
    const vector = data.subarray(from, from + width)
    let squares = 0
    for (const value of vector) squares += value * value
    const scale = squares > 0 ? 1 / Math.sqrt(squares) : 0
    for (let i = 0; i < width; i += 1) vectors[at * width + i] = (vector[i] as number) * scale
  })
  return vectors
}

/** ColBERT's MaxSim as a mean over the query's vectors, so in [-1, 1] whatever the query's length. */
export function maxSim(query: Float32Array, document: Float32Array, width: number): number {
  let sum = 0
  for (let q = 0; q < query.length; q += width) {
    let best = -1
    for (let d = 0; d < document.length; d += width) {
      let dot = 0
      for (let i = 0; i < width; i += 1)
        dot += (query[q + i] as number) * (document[d + i] as number)
      if (dot > best) best = dot
    }
    sum += best
  }
  return sum / (query.length / width)
}
