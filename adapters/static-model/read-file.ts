import { type FileHandle, open } from 'node:fs/promises'
import { crc32 } from 'node:zlib'
import { isTurnOver, nextTurn } from '../../src/core/turns.ts'
import {
  type Block,
  headerBytes,
  PREAMBLE_BYTES,
  readHeader,
  type StaticModelHeader,
  unusable,
} from './header.ts'

export interface StaticModelFile {
  readonly header: StaticModelHeader
  /** The tokens by id. */
  readonly vocabulary: readonly string[]
  /** One a token: what its row is multiplied by. */
  readonly scales: Float32Array
  /** `dimensions` numbers a token. */
  readonly rows: Int8Array
}

/** Checksums of so much take well under a millisecond. */
const PIECE_BYTES = 256 * 1024

/** Reads a static model's file and checks every byte of it. @throws QuarryError `invalid_request` where it is not one */
export async function readStaticModel(path: string, signal: AbortSignal): Promise<StaticModelFile> {
  const file = await open(path).catch((error: unknown) => {
    throw unusable(path, 'cannot be opened as a static model', error)
  })
  try {
    const preamble = await readBytes(file, 0, PREAMBLE_BYTES)
    const json = await readBytes(file, PREAMBLE_BYTES, headerBytes(preamble, path))
    const header = readHeader(json, (await file.stat()).size, path)
    const { vocabulary, scales, rows } = header.blocks
    const read = (block: Block) => readBlock(file, block, path, signal)
    const tokens = tokensOf(await read(vocabulary), header, path)
    const scaleOf = scalesOf(await read(scales), path)
    return {
      header,
      vocabulary: tokens,
      scales: scaleOf,
      rows: new Int8Array((await read(rows)).buffer),
    }
  } finally {
    await file.close()
  }
}

async function readBlock(
  file: FileHandle,
  { offset, bytes, crc32: expected }: Block,
  path: string,
  signal: AbortSignal,
): Promise<Uint8Array<ArrayBuffer>> {
  const block = new Uint8Array(bytes)
  let crc = 0
  for (let at = 0; at < bytes; at += PIECE_BYTES) {
    const piece = block.subarray(at, at + PIECE_BYTES)
    await file.read(piece, 0, piece.byteLength, offset + at)
    crc = crc32(piece, crc)
    signal.throwIfAborted()
    if (isTurnOver()) await nextTurn(signal)
  }
  if (crc !== expected)
    throw unusable(
      path,
      `is damaged: bytes ${offset} to ${offset + bytes} do not match their checksum`,
    )
  return block
}

async function readBytes(file: FileHandle, offset: number, bytes: number): Promise<Uint8Array> {
  const { buffer, bytesRead } = await file.read(new Uint8Array(bytes), 0, bytes, offset)
  return buffer.subarray(0, bytesRead)
}

function tokensOf(bytes: Uint8Array, header: StaticModelHeader, path: string): readonly string[] {
  const tokens = new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes).split('\n')
  if (tokens.length !== header.vocabulary_size)
    throw unusable(path, `has ${tokens.length} tokens, not ${header.vocabulary_size}`)
  return tokens
}

/** Read one by one, so that they are the same numbers on a big-endian machine. */
function scalesOf(bytes: Uint8Array<ArrayBuffer>, path: string): Float32Array {
  const view = new DataView(bytes.buffer)
  const scales = new Float32Array(bytes.byteLength / 4)
  for (let i = 0; i < scales.length; i += 1) scales[i] = view.getFloat32(i * 4, true)
  if (!scales.every(Number.isFinite)) throw unusable(path, 'has a scale that is not a number')
  return scales
}
