import pg from 'pg'

const OID = {
  bytea: 17,
  int8: 20,
  int8Array: 1016,
  byteaArray: 1001,
  date: 1082,
  xid8: 5069,
} as const

type Parse = (text: string) => unknown

const parseText: Parse = (text) => text
const defaultParser = (oid: number): Parse => pg.types.getTypeParser(oid, 'text') as Parse

/** A copy in a buffer of its own, so that a Float32Array can be laid over it. */
const toBytes = (value: unknown): Uint8Array | null =>
  value === null ? null : new Uint8Array(value as Buffer)

const parseArray = (oid: number, convert: (item: unknown) => unknown): Parse => {
  const parse = defaultParser(oid)
  return (text) => (parse(text) as readonly unknown[]).map(convert)
}

const PARSERS: Readonly<Record<number, Parse>> = {
  [OID.int8]: BigInt,
  [OID.xid8]: BigInt,
  [OID.int8Array]: parseArray(OID.int8Array, (item) =>
    item === null ? null : BigInt(item as string),
  ),
  [OID.bytea]: (text) => toBytes(defaultParser(OID.bytea)(text)),
  [OID.byteaArray]: parseArray(OID.byteaArray, toBytes),
  [OID.date]: parseText,
}

/** How values come out of the doors. The pool keeps the driver's own types, on which the job queue relies. */
export const catalogTypes = {
  getTypeParser: ((oid: number) =>
    PARSERS[oid] ?? defaultParser(oid)) as typeof pg.types.getTypeParser,
}
