import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { inspect } from 'node:util'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type ConfigSources, isLoopback, loadConfig } from '../../src/config/load.ts'
import { QuarryError } from '../../src/core/errors.ts'
import { LIMITS } from '../../src/core/limits.ts'
import { Secret } from '../../src/core/secret.ts'
import { adapterSchemas } from '../../src/service.ts'

let folder: string
let files = 0
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'quarry-config-'))
})
afterAll(() => rm(folder, { recursive: true, force: true }))

interface Given {
  readonly flags?: ConfigSources['flags']
  readonly env?: Record<string, string>
  readonly file?: unknown
}

async function load({ flags, env, file = {} }: Given) {
  const path = join(folder, `${files++}.json`)
  await writeFile(path, typeof file === 'string' ? file : JSON.stringify(file))
  return loadConfig(adapterSchemas, { flags, env, file: path })
}

async function refusal(given: Given): Promise<QuarryError> {
  try {
    await load(given)
  } catch (error) {
    if (error instanceof QuarryError && error.code === 'invalid_request') return error
    throw error
  }
  throw new Error('nothing was refused')
}

const REMOTE = {
  adapter: 'openai-compatible',
  base_url: 'http://127.0.0.1:1/v1',
  model: 'm',
  dimensions: 8,
}

describe('precedence', () => {
  test('with nothing given every setting has its default', async () => {
    const config = await load({})
    expect(config).toMatchObject({ host: '127.0.0.1', port: 7700, database_url: null })
    expect(config.limits.budgetMs).toBe(LIMITS.budgetMs.default)
    expect(Object.keys(config.embedders)).toEqual(['default'])
  })

  test('a flag beats the environment, which beats the file, which beats the default: each key by itself', async () => {
    const places = ['flags', 'env', 'file'] as const
    const values = { flags: 1001, env: 1002, file: 1003 }
    await fc.assert(
      fc.asyncProperty(
        fc.subarray([...places]),
        fc.subarray([...places]),
        async (forPort, forBudget) => {
          const has = (place: (typeof places)[number], key: 'port' | 'budget') =>
            (key === 'port' ? forPort : forBudget).includes(place)
          const settings = (place: 'flags' | 'file') => ({
            ...(has(place, 'port') ? { port: values[place] } : {}),
            ...(has(place, 'budget') ? { limits: { budget_ms: values[place] } } : {}),
          })
          const env = {
            ...(has('env', 'port') ? { QUARRY_PORT: '1002' } : {}),
            ...(has('env', 'budget') ? { QUARRY_LIMITS__BUDGET_MS: '1002' } : {}),
          }
          const config = await load({ flags: settings('flags'), env, file: settings('file') })
          const winner = (given: readonly string[]) => places.find((place) => given.includes(place))
          const port = winner(forPort)
          const budget = winner(forBudget)
          expect(config.port).toBe(port === undefined ? 7700 : values[port])
          expect(config.limits.budgetMs).toBe(
            budget === undefined ? LIMITS.budgetMs.default : values[budget],
          )
        },
      ),
      { numRuns: 64 },
    )
  })

  test('a flag that was not given does not count', async () => {
    const config = await load({ flags: { port: undefined }, file: { port: 81 } })
    expect(config.port).toBe(81)
  })

  test('another adapter takes over whole, the same one is changed in its parts', async () => {
    const file = { embedders: { default: { adapter: 'hashed', dimensions: 128 } } }
    const same = await load({ file, env: { QUARRY_EMBEDDERS__DEFAULT__ANALYZER: 'unicode' } })
    expect(same.embedders['default']?.options).toEqual({ dimensions: 128, analyzer: 'unicode' })
    const other = await load({
      file: { embedders: { default: REMOTE } },
      env: { QUARRY_EMBEDDERS__DEFAULT__ADAPTER: 'hashed' },
    })
    expect(other.embedders['default']).toMatchObject({ adapter: 'hashed' })
  })
})

describe('the environment', () => {
  test('values are what the setting takes: numbers, booleans, objects, text', async () => {
    const config = await load({
      env: {
        QUARRY_PORT: '8080',
        QUARRY_INSECURE_NO_AUTH: 'true',
        QUARRY_DATA_DIR: '/var/lib/quarry',
        QUARRY_COLLECTION_DEFAULTS: '{"candidates":50}',
        QUARRY_REDIS_URL: 'null',
      },
    })
    expect(config).toMatchObject({
      port: 8080,
      insecure_no_auth: true,
      data_dir: '/var/lib/quarry',
      collection_defaults: { candidates: 50 },
      redis_url: null,
    })
  })

  test('text made of digits stays text where text is wanted', async () => {
    const config = await load({
      env: {
        QUARRY_DATA_DIR: '2024',
        QUARRY_EMBEDDERS__DEFAULT: JSON.stringify(REMOTE),
        QUARRY_EMBEDDERS__DEFAULT__REVISION: '2',
        QUARRY_EMBEDDERS__DEFAULT__API_KEY: '123456',
      },
    })
    expect(config.data_dir).toBe('2024')
    const options = config.embedders['default']?.options as { revision: string; api_key: Secret }
    expect(options.revision).toBe('2')
    expect(options.api_key.reveal()).toBe('123456')
  })

  test('the deeper variable wins, whatever their order', async () => {
    const names = ['QUARRY_LIMITS__TOP_K', 'QUARRY_LIMITS']
    const values: Record<string, string> = {
      QUARRY_LIMITS: '{"top_k":3,"budget_ms":77}',
      QUARRY_LIMITS__TOP_K: '5',
    }
    for (const order of [names, names.toReversed()]) {
      const env = Object.fromEntries(order.map((name) => [name, values[name] ?? '']))
      expect((await load({ env })).limits).toMatchObject({ topK: 5, budgetMs: 77 })
    }
  })

  test('DATABASE_URL and REDIS_URL are known, and the own names beat them', async () => {
    const aliased = await load({ env: { DATABASE_URL: 'postgres://a', REDIS_URL: 'redis://b' } })
    expect(aliased.database_url?.reveal()).toBe('postgres://a')
    expect(aliased.redis_url?.reveal()).toBe('redis://b')
    const own = await load({ env: { DATABASE_URL: 'postgres://a', QUARRY_DATABASE_URL: 'pg://c' } })
    expect(own.database_url?.reveal()).toBe('pg://c')
  })

  test('an empty variable is one that is not set', async () => {
    const config = await load({ env: { REDIS_URL: '', QUARRY_HOST: '', QUARRY_PORT: '' } })
    expect(config).toMatchObject({ redis_url: null, host: '127.0.0.1', port: 7700 })
  })

  test('a variable with a wrong name is refused with the right one; those of the client are not settings', async () => {
    expect((await refusal({ env: { QUARRY_PROT: '1' } })).message).toContain(
      'QUARRY_PROT: no such setting; did you mean QUARRY_PORT?',
    )
    expect((await refusal({ env: { QUARRY_LIMITS__BUDGET: '1' } })).message).toContain(
      'limits.budget',
    )
    await load({ env: { QUARRY_URL: 'http://x', QUARRY_KEY: 'qk_x', QUARRY_TENANT: 'acme' } })
  })

  test('a value of the right type outside its range is told the range, not the type', async () => {
    const { message } = await refusal({ env: { QUARRY_PORT: '99999' } })
    expect(message).toMatch(/port: .*65535/)
  })
})

describe('what is refused', () => {
  const unknown: [string, unknown, string, string][] = [
    ['top', { prot: 1 }, 'prot', 'port'],
    ['limits', { limits: { budget_mss: 1 } }, 'limits.budget_mss', 'budget_ms'],
    [
      'adapter options',
      { embedders: { default: { adapter: 'hashed', dimension: 64 } } },
      'embedders.default.dimension',
      'dimensions',
    ],
    ['templates', { templates: { short: { sytem: 'x' } } }, 'templates.short.sytem', 'system'],
    [
      'collection_defaults',
      { collection_defaults: { fussion: {} } },
      'collection_defaults.fussion',
      'fusion',
    ],
    [
      'inside collection_defaults',
      { collection_defaults: { chunker: { token_max: 100 } } },
      'collection_defaults.chunker.token_max',
      'tokens_max',
    ],
    [
      'an algorithm',
      { collection_defaults: { algorithm: { kind: 'hnsw', ef_serch: 9 } } },
      'collection_defaults.algorithm.ef_serch',
      'ef_search',
    ],
  ]
  test.each(unknown)('an unknown key in %s', async (_where, file, place, meant) => {
    const { message } = await refusal({ file })
    expect(message).toContain(`${place}: no such setting; did you mean "${meant}"?`)
  })

  test('every fault is listed, each with its place', async () => {
    const { message } = await refusal({
      file: { port: -1, limits: { top_k: 0 }, collection_defaults: { candidates: 0 } },
    })
    for (const place of ['port: ', 'limits.top_k: ', 'collection_defaults.candidates: '])
      expect(message).toContain(place)
  })

  test('names that the configuration does not have', async () => {
    const adapter = await refusal({ file: { stores: { a: { adapter: 'faiss' } } } })
    expect(adapter.message).toMatch(/stores\.a\.adapter: no adapter "faiss"; there are: .*local/)
    const defaults = await refusal({
      file: { collection_defaults: { store: 'b', embedder: 'c', rerank: { model: 'd' } } },
    })
    expect(defaults.message).toContain('collection_defaults.store: "b" is not configured')
    expect(defaults.message).toContain('collection_defaults.embedder: "c" is not configured')
    expect(defaults.message).toContain('collection_defaults.rerank.model: "d" is not configured')
    const kind = await refusal({ file: { collection_defaults: { algorithm: { kind: 'hsnw' } } } })
    expect(kind.message).toMatch(/collection_defaults\.algorithm(\.kind)?: expected one of .*hnsw/)
  })

  test('insecure_no_auth beyond loopback', async () => {
    expect((await load({ file: { insecure_no_auth: true, host: '127.0.0.2' } })).host).toBe(
      '127.0.0.2',
    )
    for (const host of ['0.0.0.0', '::', '10.0.0.1', '127.0.0.1.example.com'])
      expect((await refusal({ file: { insecure_no_auth: true, host } })).message).toContain(
        'loopback',
      )
    expect(isLoopback('::1') && isLoopback('localhost')).toBe(true)
  })

  test('a file that is not there, not JSON, or not an object', async () => {
    const missing = loadConfig(adapterSchemas, { file: join(folder, 'nowhere.json') })
    await expect(missing).rejects.toThrow(/nowhere\.json: there is no such file/)
    expect((await refusal({ file: '{\n  "port": 1,\n  host: 2\n}' })).message).toMatch(
      /\.json is not JSON: unexpected character at line 3, column 3/,
    )
    expect((await refusal({ file: '[]' })).message).toContain('must hold one JSON object')
  })
})

describe('collection_defaults', () => {
  test('are checked and kept as they were written: nothing is filled in', async () => {
    const written = {
      chunker: { tokens_max: 200 },
      fusion: { weights: null },
      algorithm: { kind: 'flat' },
    }
    const config = await load({ file: { collection_defaults: written } })
    expect(config.collection_defaults).toEqual(written)
  })
})

describe('secrets', () => {
  const SECRET = 'hunter2-very-secret'

  test('{"env": …} takes the variable, trimmed, wherever it stands', async () => {
    const config = await load({
      file: {
        database_url: { env: 'PG' },
        port: { env: 'PORT' },
        embedders: { default: { ...REMOTE, model: { env: 'MODEL' }, api_key: { env: 'KEY' } } },
      },
      env: { PG: `postgres://u:${SECRET}@h/d\n`, PORT: '9000', MODEL: 'tiny', KEY: SECRET },
    })
    expect(config.database_url?.reveal()).toBe(`postgres://u:${SECRET}@h/d`)
    expect(config.port).toBe(9000)
    const options = config.embedders['default']?.options as { model: string; api_key: Secret }
    expect(options.model).toBe('tiny')
    expect(options.api_key.reveal()).toBe(SECRET)
  })

  test('a variable that is missing or empty is named', async () => {
    for (const env of [{}, { KEY: '' }])
      expect((await refusal({ file: { database_url: { env: 'KEY' } }, env })).message).toContain(
        'the variable KEY, which is not set',
      )
  })

  test('are shown by nothing', async () => {
    const config = await load({
      file: {
        redis_url: `redis://:${SECRET}@h`,
        rerankers: {
          remote: {
            adapter: 'http',
            shape: 'cohere',
            url: 'http://127.0.0.1:1',
            model: 'm',
            api_key: SECRET,
            headers: { 'x-token': SECRET },
          },
        },
      },
      env: { DATABASE_URL: `postgres://u:${SECRET}@h/d` },
    })
    const secret = new Secret(SECRET)
    const shown = [
      JSON.stringify(config),
      inspect(config, { depth: 9, showHidden: true }),
      `${config.database_url}`,
      `${secret}`,
      inspect(secret),
      JSON.stringify(secret),
    ]
    for (const text of shown) {
      expect(text).toContain('***')
      expect(text).not.toContain(SECRET)
    }
  })

  test('are in no error, not even in its cause', async () => {
    const faults: Given[] = [
      { file: `{"database_url": "${SECRET}" x}` },
      { file: `{"database_url": ${SECRET}}` },
      { file: { embedders: { default: { ...REMOTE, api_key: `${SECRET} with a space` } } } },
      {
        file: { embedders: { default: { ...REMOTE, base_url: { env: 'KEY' } } } },
        env: { KEY: SECRET },
      },
      { file: { port: { env: 'KEY' } }, env: { KEY: SECRET } },
      { env: { DATABASE_URL: SECRET, QUARRY_NOPE: SECRET } },
    ]
    for (const given of faults) {
      const error = await refusal(given)
      expect(inspect(error, { depth: 9 }), JSON.stringify(given)).not.toContain(SECRET)
    }
  })
})
