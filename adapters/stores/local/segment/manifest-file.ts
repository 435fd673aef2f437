import { crc32 } from 'node:zlib'
import type { z } from 'zod'
import { QuarryError } from '../../../../src/core/errors.ts'
import type { Files } from '../files/files.ts'
import { parseJson } from './parse-json.ts'

/**
 * A manifest is two lines: `quarry-manifest <format> <CRC-32 of format and second line>`, and JSON. So that a person
 * can read it, and every byte of it is checked.
 */
const MAGIC = 'quarry-manifest'
const FORMAT = 1

export type ManifestRead<T> =
  | { readonly state: 'read'; readonly manifest: T }
  | { readonly state: 'absent' }
  | { readonly state: 'damaged'; readonly why: string }
  | { readonly state: 'other_format'; readonly format: number }

/** @throws QuarryError `internal` where the schema would not take it back */
export async function writeManifest(
  files: Files,
  path: string,
  schema: z.ZodType,
  body: unknown,
): Promise<void> {
  const json = JSON.stringify(body)
  const parsed = schema.safeParse(parseJson(json))
  if (!parsed.success)
    throw new QuarryError('internal', `manifest ${path} is wrong: ${parsed.error.message}`)
  await files.writeDurably(path, [Buffer.from(render(FORMAT, json))])
}

/** Rejects only where the disk can't be read. */
export async function readManifest<T>(
  files: Files,
  path: string,
  schema: z.ZodType<T>,
): Promise<ManifestRead<T>> {
  const bytes = await files.read(path)
  if (bytes === null) return { state: 'absent' }
  const text = Buffer.from(bytes).toString()
  const [head = '', json = ''] = text.split('\n')
  const format = Number(head.split(' ')[1])
  // Compared as bytes: decoding makes one character of all that is no UTF-8.
  if (!Buffer.from(render(format, json)).equals(bytes))
    return { state: 'damaged', why: 'it does not match its checksum' }
  if (format !== FORMAT) return { state: 'other_format', format }
  const parsed = schema.safeParse(parseJson(json))
  return parsed.success
    ? { state: 'read', manifest: parsed.data }
    : { state: 'damaged', why: parsed.error.message }
}

function render(format: number, json: string): string {
  const crc = crc32(`${format}\n${json}`).toString(16).padStart(8, '0')
  return `${MAGIC} ${format} ${crc}\n${json}\n`
}
