import { QuarryError } from '../../../../src/core/errors.ts'
import type {
  Chunk,
  ChunkId,
  DocumentId,
  Metadata,
  MetadataValue,
} from '../../../../src/core/model.ts'
import { ByteLog, endOfText, readText } from './texts.ts'

/**
 * A chunk's record: a head of 48 bytes and its text. Context with headings, and title with metadata, are JSON texts
 * of their own that the head points to, so that neighbours can share them.
 *
 *     0   u32  where [context, headings] begins
 *     4   u32  where [title, metadata] begins
 *     8   f64  revision, ordinal, start and end of the span, page (NaN stands for null)
 *     48       text
 */
const HEAD_BYTES = 48
/** Larger than most records. */
const RECORD_BYTES = 4096
const PLACE = 0
const DOCUMENT = 4
const REVISION = 8
const ORDINAL = 16
const START = 24
const END = 32
const PAGE = 40

const scratch = new ByteLog(RECORD_BYTES)

/** What a record does not hold in a segment, which has a table for each. */
type Named = Pick<Chunk, 'id' | 'documentId'>

/** One chunk as bytes that stand for themselves, as the delta keeps it; valid until the next call. */
export function encodeRecord(chunk: Chunk): Uint8Array {
  const log = scratch
  log.clear()
  const at = addBody(log, chunk)
  log.addText(chunk.id)
  log.addText(chunk.documentId)
  log.setWord(at + PLACE, log.addText(placeJson(chunk)))
  log.setWord(at + DOCUMENT, log.addText(documentJson(chunk)))
  return log.bytes()
}

/** @throws QuarryError `internal` where these bytes are no record */
export function decodeRecord(bytes: Uint8Array, from: number, to: number): Chunk {
  const record = bufferOf(bytes.subarray(from, to))
  return decoding(`bytes ${from} to ${to}`, () => {
    const idAt = endOfText(record, HEAD_BYTES)
    const id = readText(record, idAt) as ChunkId
    const documentId = readText(record, endOfText(record, idAt)) as DocumentId
    return decodeBody(record, 0, { id, documentId })
  })
}

/** Puts records one behind another; what a chunk has in common with the one before it is kept once. */
export class RecordWriter {
  readonly #log = new ByteLog(64 * 1024)
  #place = { json: '', at: 0 }
  #document = { json: '', at: 0 }

  /** Answers where the record begins. */
  add(chunk: Chunk): number {
    this.#place = this.#shared(this.#place, placeJson(chunk))
    this.#document = this.#shared(this.#document, documentJson(chunk))
    const at = addBody(this.#log, chunk)
    this.#log.setWord(at + PLACE, this.#place.at)
    this.#log.setWord(at + DOCUMENT, this.#document.at)
    return at
  }

  bytes(): Uint8Array {
    return this.#log.bytes()
  }

  #shared(last: { json: string; at: number }, json: string): { json: string; at: number } {
    return last.json === json ? last : { json, at: this.#log.addText(json) }
  }
}

/** A record of a `RecordWriter`'s bytes. @throws QuarryError `internal` where there is none */
export function readRecord(records: Buffer, at: number, named: Named): Chunk {
  return decoding(`byte ${at}`, () => decodeBody(records, at, named))
}

export function readRevision(records: Buffer, at: number): number {
  return decoding(`byte ${at}`, () => records.readDoubleLE(at + REVISION))
}

export function readOrdinal(records: Buffer, at: number): number {
  return decoding(`byte ${at}`, () => records.readDoubleLE(at + ORDINAL))
}

export function bufferOf(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}

function addBody(log: ByteLog, { revision, ordinal, span, page, text }: Chunk): number {
  const at = log.reserve(HEAD_BYTES)
  log.setNumber(at + REVISION, revision)
  log.setNumber(at + ORDINAL, ordinal)
  log.setNumber(at + START, span.start)
  log.setNumber(at + END, span.end)
  log.setNumber(at + PAGE, page ?? Number.NaN)
  log.addText(text)
  return at
}

function decodeBody(records: Buffer, at: number, { id, documentId }: Named): Chunk {
  const [context, headings] = JSON.parse(readText(records, records.readUInt32LE(at + PLACE)))
  const [title, metadata] = JSON.parse(readText(records, records.readUInt32LE(at + DOCUMENT)))
  const page = records.readDoubleLE(at + PAGE)
  return {
    id,
    documentId,
    revision: records.readDoubleLE(at + REVISION),
    ordinal: records.readDoubleLE(at + ORDINAL),
    span: { start: records.readDoubleLE(at + START), end: records.readDoubleLE(at + END) },
    text: readText(records, at + HEAD_BYTES),
    context,
    title,
    headings,
    page: Number.isNaN(page) ? null : page,
    metadata,
  }
}

function decoding<T>(where: string, decode: () => T): T {
  try {
    return decode()
  } catch (cause) {
    throw new QuarryError('internal', `no record of a chunk at ${where}`, { cause })
  }
}

function placeJson({ context, headings }: Chunk): string {
  return JSON.stringify([context, headings])
}

function documentJson({ id, title, metadata }: Chunk): string {
  return `[${JSON.stringify(title)},${metadataJson(id, metadata)}]`
}

/** As `JSON.stringify`, which makes 0 of -0, and null of what is no finite number. */
function metadataJson(id: ChunkId, metadata: Metadata): string {
  const fields = Object.entries(metadata).map(
    ([name, value]) => `${JSON.stringify(name)}:${valueJson(id, value)}`,
  )
  return `{${fields.join(',')}}`
}

function valueJson(id: ChunkId, value: MetadataValue): string {
  if (Array.isArray(value)) return `[${value.map((item) => valueJson(id, item)).join(',')}]`
  if (Object.is(value, -0)) return '-0'
  if (typeof value !== 'number' || Number.isFinite(value)) return JSON.stringify(value)
  throw new QuarryError('invalid_request', `metadata of chunk ${id} holds ${value}, no JSON number`)
}
