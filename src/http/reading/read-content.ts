import type { NewDocument } from '../../catalog/catalog.ts'
import type { Limits } from '../../core/limits.ts'
import { jsonOf } from '../body.ts'
import { type DocumentInput, documentOfJson } from '../document-input.ts'
import { type DocumentLimits, type DocumentSchemas, documentSchemas } from '../schemas/document.ts'
import { check } from '../validate.ts'
import { readBatch } from './read-batch.ts'
import { readUpload } from './read-upload.ts'

/** A whole body, and what its Content-Type says. */
export interface Content {
  readonly bytes: Uint8Array<ArrayBuffer>
  /** Lower case, without parameters. */
  readonly mediaType: string
  readonly contentType: string
}

export type ReadingLimits = DocumentLimits & Pick<Limits, 'documentBytes'>

/** What a body of each kind reads as. */
export interface Readings {
  readonly document: DocumentInput
  readonly batch: readonly NewDocument[]
  readonly upload: readonly NewDocument[]
}

export type Read = <Kind extends keyof Readings>(
  kind: Kind,
  content: Content,
) => Promise<Readings[Kind]>

export interface ReadRules {
  readonly schemas: DocumentSchemas
  readonly limits: ReadingLimits
}

type Readers = { readonly [Kind in keyof Readings]: (content: Content) => Promise<Readings[Kind]> }

/** Parses and checks bodies that carry documents, on whichever thread it is called. */
export function createRead(limits: ReadingLimits): Read {
  const rules: ReadRules = { schemas: documentSchemas(limits), limits }
  const readers: Readers = {
    document: async (content) => {
      const body = check(rules.schemas.documentBody, jsonOf(content), 'body')
      return documentOfJson(body, limits.documentBytes)
    },
    batch: async (content) => readBatch(content, rules),
    upload: (content) => readUpload(content, rules),
  }
  return (kind, content) => readers[kind](content)
}
