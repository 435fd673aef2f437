import { QuarryError } from '../../../../src/core/errors.ts'
import { nodeFiles } from '../files/files.ts'

/** hnswlib's header on 64-bit machines: eleven numbers of 8 bytes and two of 4. */
const HEADER_BYTES = 96
const COUNT_AT = 16
const ROW_BYTES_AT = 24

/**
 * Whether hnswlib wrote all of its file: it reports no error of the disk (`saveIndex` in hnswalg.h). Header, then the
 * rows with their lowest links, then for each row the bytes of its upper links and these.
 * @throws QuarryError `unavailable` where the file is cut short
 */
export async function checkHnswlibFile(path: string, rows: number): Promise<void> {
  const file = await nodeFiles().open(path)
  if (file === null) throw cutShort(path)
  try {
    const header = Buffer.alloc(HEADER_BYTES)
    if ((await file.read(header, 0)) < HEADER_BYTES) throw cutShort(path)
    const count = Number(header.readBigUInt64LE(COUNT_AT))
    const linksFrom = HEADER_BYTES + count * Number(header.readBigUInt64LE(ROW_BYTES_AT))
    if (count !== rows || linksFrom > file.bytes) throw cutShort(path)
    const links = Buffer.alloc(file.bytes - linksFrom)
    if ((await file.read(links, linksFrom)) < links.length || !isWhole(links, rows))
      throw cutShort(path)
  } finally {
    await file.close()
  }
}

function isWhole(links: Buffer, rows: number): boolean {
  let at = 0
  for (let row = 0; row < rows; row++) {
    if (at + 4 > links.length) return false
    at += 4 + links.readUInt32LE(at)
  }
  return at === links.length
}

function cutShort(path: string): QuarryError {
  return new QuarryError('unavailable', `${path}: the graph could not be written whole`, {
    details: { path },
  })
}
