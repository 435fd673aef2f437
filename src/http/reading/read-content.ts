import type { NewDocument } from '../../catalog/catalog.ts'
import type { NewGoldenQuery } from '../../catalog/golden-queries.ts'
import type { Limits } from '../../core/limits.ts'
import { jsonOf } from '../body.ts'
import { type DocumentInput, documentOfJson } from '../document-input.ts'
import { type DocumentLimits, type DocumentSchemas, documentSchemas } from '../schemas/document.ts'
import { type GoldenLimits, type GoldenSchemas, goldenSchemas } from '../schemas/golden-query.ts'
import { check } from '../validate.ts'
import { readBatch } from './read-batch.ts'
import { readGolden } from './read-golden.ts'
import { readUpload } from './read-upload.ts'

/** A whole body, and what its Content-Type says. */
export interface Content {
  readonly bytes: Uint8Array<ArrayBuffer>
  /** Lower case, without parameters. */
  readonly mediaType: string
  readonly contentType: string
}

export type ReadingLimits = DocumentLimits & GoldenLimits & Pick<Limits, 'documentBytes'>

/** What a body of each kind reads as. */
export interface Readings {
  readonly document: DocumentInput
  readonly batch: readonly NewDocument[]
  readonly upload: readonly NewDocument[]
  readonly golden: readonly NewGoldenQuery[]
}

export type Read = <Kind extends keyof Readings>(
  kind: Kind,
  content: Content,
) => Promise<Readings[Kind]>

export interface ReadRules {
  readonly schemas: DocumentSchemas
  readonly golden: GoldenSchemas
  readonly limits: ReadingLimits
}

type Readers = { readonly [Kind in keyof Readings]: (content: Content) => Promise<Readings[Kind]> }

/** Parses and checks bodies that may be large, on whichever thread it is called. */
export function createRead(limits: ReadingLimits): Read {
  const rules: ReadRules = {
    schemas: documentSchemas(limits),
    golden: goldenSchemas(limits),
    limits,
  }
  const readers: Readers = {
    document: async (content) => {
      const body = check(rules.schemas.documentBody, jsonOf(content), 'body')
      return documentOfJson(body, limits.documentBytes)
    },
    batch: async (content) => readBatch(content, rules),
    upload: (content) => readUpload(content, rules),
    golden: async (content) => readGolden(content, rules),
  }
  return (kind, content) => readers[kind](content)
}
