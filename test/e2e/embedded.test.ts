import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe } from 'vitest'
import { apiAt } from '../support/api.ts'
import { type QuarryProcess, startQuarry } from '../support/quarry-process.ts'
import { mainJob, type Target } from './main-job.ts'

const STORES = {
  'the local engine': {},
  pgvector: {
    QUARRY_STORES: '{"local":{"adapter":"local"},"vectors":{"adapter":"pgvector"}}',
    QUARRY_COLLECTION_DEFAULTS: '{"store":"vectors","algorithm":{"kind":"hnsw"}}',
  },
}

for (const [name, env] of Object.entries(STORES)) {
  describe(`embedded, vectors in ${name}`, () => {
    let folder: string
    let server: QuarryProcess
    let target: Target
    beforeAll(async () => {
      folder = await mkdtemp(join(tmpdir(), 'quarry-e2e-'))
      server = await startQuarry({ command: 'serve', env: { QUARRY_DATA_DIR: folder, ...env } })
      if (server.firstKey === null) throw new Error('a first start prints a key')
      target = { apis: [apiAt(server.url, server.firstKey)], collection: 'harbour' }
    }, 120_000)
    afterAll(async () => {
      await server?.stop()
      await rm(folder, { recursive: true, force: true })
    })
    mainJob(() => target)
  })
}
