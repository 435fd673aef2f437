import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { readGoldenSet } from '../../eval/formats/golden-set.ts'
import type { Dataset } from '../../eval/types.ts'
import { QuarryError } from '../../src/core/errors.ts'
import { type ConnectOptions, connect } from '../connect.ts'

/** The golden queries that the catalog keeps for a collection, read as their export is. */
export async function openGoldenQueries(
  collection: string,
  connection: ConnectOptions,
): Promise<Dataset> {
  const client = await connect(connection, { worker: false, replica: false })
  const folder = await mkdtemp(join(tmpdir(), 'quarry-golden-'))
  try {
    const path = `/v1/golden-queries:export?collection=${encodeURIComponent(collection)}`
    const text = await client.call<string>('GET', path, undefined, { asText: true })
    if (text.trim() === '')
      throw new QuarryError(
        'invalid_request',
        `there are no golden queries in "${collection}": add some with quarry golden import`,
      )
    const file = join(folder, 'golden queries.jsonl')
    await writeFile(file, text)
    return await readGoldenSet(file)
  } finally {
    await client.close()
    await rm(folder, { recursive: true, force: true })
  }
}
