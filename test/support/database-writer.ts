import { readSchemaSteps } from '../../migrations/schema/apply.ts'
import { openDatabase } from '../../src/catalog/database/open-database.ts'
import { DEFAULT_LIMITS } from '../../src/core/limits.ts'
import type { TenantId } from '../../src/core/model.ts'

/** A process to be killed: writes rows one by one and tells its parent of each after it was acknowledged. */
const [dataDir = ''] = process.argv.slice(2)
const steps = (await readSchemaSteps()).slice(0, 1)
const database = await openDatabase({ kind: 'pglite', dataDir, limits: DEFAULT_LIMITS, steps })
await database.pool.query('CREATE TABLE IF NOT EXISTS quarry.written (id int PRIMARY KEY)')
await database.pool.query('GRANT ALL ON quarry.written TO quarry_tenant')
for (let id = 0; ; id++) {
  await database.asTenant('t' as TenantId, (sql) =>
    sql.query('INSERT INTO written VALUES ($1)', [id]),
  )
  process.send?.(id)
}
