import type { RowTerms } from '../bm25/count-terms.ts'

/** A page of a delta's log in the forms in which it is written and read. */
export interface LogPage {
  readonly buffer: SharedArrayBuffer
  readonly bytes: Uint8Array
  readonly words: Uint32Array
  readonly floats: Float32Array
}

export function logPage(buffer: SharedArrayBuffer): LogPage {
  return {
    buffer,
    bytes: new Uint8Array(buffer),
    words: new Uint32Array(buffer),
    floats: new Float32Array(buffer),
  }
}

/** Where the terms begin that follow on a record which ends there: at the next multiple of 4. */
export function termsFrom(recordEnd: number): number {
  return (recordEnd + 3) & ~3
}

/** The terms between the end of a row's record and its vector. */
export function termsIn({ words }: LogPage, recordEnd: number, vectorFrom: number): RowTerms {
  return words.subarray(termsFrom(recordEnd) / 4, vectorFrom / 4)
}
