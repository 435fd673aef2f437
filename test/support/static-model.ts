import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { crc32 } from 'node:zlib'
import { onTestFinished } from 'vitest'

/** Tokens with their vectors before they are scaled: whole numbers from -127 to 127. */
export interface StaticModelSpec {
  readonly tokens: Readonly<Record<string, readonly number[]>>
  readonly scales?: readonly number[]
  readonly name?: string
  readonly revision?: string
}

/** The bytes of a static model's file, as `tools/distil` writes it. */
export function staticModelBytes({ tokens, scales, ...named }: StaticModelSpec): Buffer {
  const rows = Object.values(tokens)
  const blocks = {
    vocabulary: Buffer.from(Object.keys(tokens).join('\n')),
    scales: Buffer.alloc(rows.length * 4),
    rows: Buffer.from(Int8Array.from(rows.flat())),
  }
  rows.forEach((_, i) => {
    blocks.scales.writeFloatLE(scales?.[i] ?? 1, i * 4)
  })
  let offset = 1024
  const placed = Object.entries(blocks).map(([name, block]) => {
    const at = offset
    offset = Math.ceil((at + block.byteLength) / 64) * 64
    return { name, block, at }
  })
  const header = {
    name: 'test',
    revision: '1',
    ...named,
    dimensions: rows[0]?.length ?? 0,
    vocabulary_size: rows.length,
    lowercase: true,
    strip_accents: true,
    unknown_token: '[UNK]',
    max_chars_per_word: 100,
    source: 'test',
    licence: 'none',
    procedure: 'none',
    blocks: Object.fromEntries(
      placed.map(({ name, block, at }) => [
        name,
        { offset: at, bytes: block.byteLength, crc32: crc32(block) },
      ]),
    ),
  }
  const file = Buffer.alloc(offset)
  file.write('QSTM', 'latin1')
  file.writeUint32LE(1, 4)
  file.writeUint32LE(1024 - 12, 8)
  file.write(JSON.stringify(header).padEnd(1024 - 12), 12)
  for (const { block, at } of placed) block.copy(file, at)
  return file
}

/** Writes the file for the time of the test. */
export async function writeStaticModel(file: StaticModelSpec | Uint8Array): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'quarry-static-model-'))
  onTestFinished(() => rm(folder, { recursive: true }))
  const path = join(folder, 'model.qstm')
  await writeFile(path, file instanceof Uint8Array ? file : staticModelBytes(file))
  return path
}
