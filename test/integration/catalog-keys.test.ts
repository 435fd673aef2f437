import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { generateKey } from '../../src/catalog/key-format.ts'
import { NO_USAGE } from '../../src/observe/usage.ts'
import { ACME, BETA, type CatalogWorld, openCatalogWorld } from '../support/catalog-world.ts'

describe.each(['pglite', 'postgres'] as const)('keys, usage and idempotency on %s', (kind) => {
  let world: CatalogWorld
  beforeAll(async () => {
    world = await openCatalogWorld(kind)
  })
  beforeEach(() => world.reset())
  afterAll(() => world.close())

  const rows = async (statement: string, parameters: readonly string[] = []) =>
    (await world.database.asSystem((sql) => sql.query(statement, parameters))).rows

  test('a key works as it was given out, and its secret is nowhere in the database', async () => {
    const { keys } = world.catalog
    const { key, secret } = await keys.create({
      name: 'ci',
      scopes: ['retrieve', 'ingest'],
      tenant: ACME,
    })
    expect(key).toMatchObject({ name: 'ci', scopes: ['retrieve', 'ingest'], tenant: ACME })
    expect(await keys.authenticate(secret)).toEqual(key)
    const [row] = await rows('select k::text as key from quarry.api_keys k')
    expect(JSON.stringify(row)).toContain(key.id)
    expect(JSON.stringify(row)).not.toContain(secret.slice(16, 59))
    expect((await keys.list())[0]?.lastUsedAt).toBeInstanceOf(Date)
  })

  test('no other text is a key', async () => {
    const { keys } = world.catalog
    const { secret } = await keys.create({ name: 'a', scopes: ['admin'], tenant: null })
    const other = await keys.create({ name: 'b', scopes: ['admin'], tenant: null })
    const flipped = secret.slice(0, -1) + (secret.endsWith('0') ? '1' : '0')
    const crossed = `${secret.slice(0, 15)}${other.secret.slice(15)}`
    for (const text of ['', 'qk_', flipped, crossed, generateKey().text, ` ${secret}`]) {
      expect(await keys.authenticate(text)).toBeNull()
    }
  })

  test('a well-formed key with an existing id and another secret is refused', async () => {
    const { keys } = world.catalog
    const { key } = await keys.create({ name: 'a', scopes: ['admin'], tenant: null })
    const forged = generateKey()
    await rows('update quarry.api_keys set key_id = $1 where key_id = $2', [forged.id, key.id])
    expect(await keys.authenticate(forged.text)).toBeNull()
  })

  test('a revoked or expired key is refused; revoking once is enough', async () => {
    const { keys } = world.catalog
    const made = await keys.create({ name: 'a', scopes: ['admin'], tenant: null })
    expect(await keys.revoke(made.key.id)).toBe(true)
    expect(await keys.revoke(made.key.id)).toBe(false)
    expect(await keys.authenticate(made.secret)).toBeNull()
    const expired = await keys.create({
      name: 'b',
      scopes: ['admin'],
      tenant: null,
      expiresAt: new Date(Date.now() - 1_000),
    })
    expect(await keys.authenticate(expired.secret)).toBeNull()
    expect(await keys.count()).toBe(2)
    const audit = await rows('select action, subject from quarry.audit_log order by audit_id')
    expect(audit).toEqual([
      { action: 'key.create', subject: made.key.id },
      { action: 'key.revoke', subject: made.key.id },
      { action: 'key.create', subject: expired.key.id },
    ])
  })

  test('the last use is noted at most once a minute', async () => {
    const { keys } = world.catalog
    const { secret } = await keys.create({ name: 'a', scopes: ['admin'], tenant: null })
    const lastUse = async () => (await keys.list())[0]?.lastUsedAt?.getTime() ?? 0
    await keys.authenticate(secret)
    const first = await lastUse()
    await keys.authenticate(secret)
    expect(await lastUse()).toBe(first)
    await rows(`update quarry.api_keys set last_used_at = now() - interval '61 seconds'`)
    await keys.authenticate(secret)
    expect(await lastUse()).toBeGreaterThan(first - 1_000)
  })

  test('nobody can change or remove what the audit log says', async () => {
    await world.catalog.keys.create({ name: 'a', scopes: ['admin'], tenant: null })
    for (const statement of [
      `update quarry.audit_log set action = 'x'`,
      'delete from quarry.audit_log',
    ]) {
      await expect(rows(statement)).rejects.toThrow(/permission denied/)
    }
  })

  test('usage adds up a day, tenant and route', async () => {
    const { usage } = world.catalog
    const counts = {
      ...NO_USAGE,
      requests: 1,
      embedTokens: 2,
      rerankDocuments: 3,
      documents: 4,
      bytes: 5e9,
    }
    await usage.add([])
    await usage.add([
      { tenant: ACME, route: 'retrieve', ...counts },
      { tenant: ACME, route: 'retrieve', ...counts },
      { tenant: BETA, route: 'retrieve', ...counts },
    ])
    await usage.add([{ tenant: ACME, route: 'retrieve', ...counts }])
    const day = new Date().toISOString().slice(0, 10)
    const listed = await usage.list(ACME, '2000-01-01', '2999-12-31')
    expect(listed).toMatchObject([
      { tenant: ACME, route: 'retrieve', requests: 3, embedTokens: 6, bytes: 15e9 },
    ])
    expect(Math.abs(Date.parse(listed[0]?.day ?? '') - Date.parse(day))).toBeLessThan(86_400_001)
    expect(await usage.list(ACME, '2000-01-01', '2000-12-31')).toEqual([])
  })

  const request = { tenant: ACME, route: 'PUT /documents', key: 'k1' }

  test('a repeated request is answered as the first was, or told why not', async () => {
    const { idempotency } = world.catalog
    expect(await idempotency.begin(request, 'f')).toEqual({ outcome: 'new' })
    expect(await idempotency.begin(request, 'f')).toEqual({ outcome: 'running' })
    expect(await idempotency.begin(request, 'g')).toEqual({ outcome: 'mismatch' })
    expect(await idempotency.begin({ ...request, tenant: BETA }, 'g')).toEqual({ outcome: 'new' })
    expect(await idempotency.begin({ ...request, route: 'x' }, 'g')).toEqual({ outcome: 'new' })
    await idempotency.complete(request, { status: 202, body: { id: 'a' } })
    expect(await idempotency.begin(request, 'f')).toEqual({
      outcome: 'replay',
      response: { status: 202, body: { id: 'a' } },
    })
    await idempotency.abandon(request)
    expect(await idempotency.begin(request, 'f')).toMatchObject({ outcome: 'replay' })
  })

  test('a failed, a forgotten and an old request free their key', async () => {
    const { idempotency } = world.catalog
    await idempotency.begin(request, 'f')
    await idempotency.abandon(request)
    expect(await idempotency.begin(request, 'g')).toEqual({ outcome: 'new' })
    await rows('update quarry.idempotency_keys set expires_at = now()')
    expect(await idempotency.begin(request, 'h')).toEqual({ outcome: 'new' })
  })

  test('of equal requests at once, one runs', async () => {
    const starts = await Promise.all(
      Array.from({ length: 6 }, () => world.catalog.idempotency.begin(request, 'f')),
    )
    expect(starts.filter((start) => start.outcome === 'new')).toHaveLength(1)
    expect(starts.filter((start) => start.outcome === 'running')).toHaveLength(5)
  })
})
