import type { ModelTokenizer } from './read-tokenizer.ts'
import type { Row } from './session.ts'

/** `[CLS] text [SEP]`, the text cut to what the model takes. */
export function rowOfText(tokenizer: ModelTokenizer, text: string, tokensMax: number): Row {
  const { words, cls, sep } = tokenizer
  return rowOf([cls, ...words.encode(text, tokensMax - 2), sep])
}

/** `[CLS] query [SEP] document [SEP]`. Only the document is cut, unless the query alone takes half of the room. */
export function rowOfPair(
  { words, cls, sep }: ModelTokenizer,
  query: string,
  document: string,
  tokensMax: number,
): Row {
  const first = [cls, ...words.encode(query, tokensMax >> 1), sep]
  const room = tokensMax - first.length - 1
  return { ...rowOf([...first, ...words.encode(document, room), sep]), secondFrom: first.length }
}

export function rowOf(ids: readonly number[]): Row {
  return { ids: Int32Array.from(ids), secondFrom: ids.length, seen: ids.length }
}
