import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe } from 'vitest'
import { apiAt } from '../support/api.ts'
import { startTestPostgres, type TestPostgres } from '../support/postgres.ts'
import { type QuarryProcess, startQuarry } from '../support/quarry-process.ts'
import { mainJob, type Target } from './main-job.ts'

describe('on Postgres, two query processes and one worker process', () => {
  let folder: string
  let postgres: TestPostgres
  let processes: QuarryProcess[] = []
  let target: Target
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'quarry-e2e-'))
    postgres = await startTestPostgres()
    const env = { DATABASE_URL: postgres.url, QUARRY_DATA_DIR: folder }
    const one = await startQuarry({ command: 'serve', env })
    const key = one.firstKey
    if (key === null) throw new Error('a first start prints a key')
    const two = await startQuarry({ command: 'serve', env })
    const worker = await startQuarry({ command: 'work', env })
    processes = [one, two, worker]
    target = { apis: [apiAt(one.url, key), apiAt(two.url, key)], collection: 'harbour' }
  }, 180_000)
  afterAll(async () => {
    await Promise.all(processes.map((each) => each.stop()))
    await postgres?.stop()
    await rm(folder, { recursive: true, force: true })
  })
  mainJob(() => target)
})
