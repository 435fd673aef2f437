import { z } from 'zod'
import { collectionPolicySchema } from '../catalog/policy.ts'
import { snakeObject } from '../catalog/snake-schema.ts'
import { snakeCase } from '../core/casing.ts'
import { CONFIG_LIMITS, type Limits } from '../core/limits.ts'
import { Secret } from '../core/secret.ts'
import { wordIssue } from './explain.ts'

/** Schemas of what each kind of adapter takes, keyed by the adapter's name. */
export interface AdapterSchemas {
  readonly stores: Readonly<Record<string, z.ZodType>>
  readonly embedders: Readonly<Record<string, z.ZodType>>
  readonly rerankers: Readonly<Record<string, z.ZodType>>
  readonly generators: Readonly<Record<string, z.ZodType>>
}

/** A named adapter with its options, as the config gives it: `{"adapter": "static", …options}`. */
export interface AdapterConfig {
  readonly adapter: string
  readonly options: unknown
}

const secret = z
  .union([z.string().min(1), z.instanceof(Secret)])
  .transform((value) => (value instanceof Secret ? value : new Secret(value)))

const policySchema = snakeObject(collectionPolicySchema).partial()

/** Checked as a policy, but kept as written: what is left out is for the request or the policy's own defaults to say. */
const policyFields = z.record(z.string(), z.unknown()).superRefine((fields, context) => {
  const parsed = policySchema.safeParse(fields, { error: wordIssue })
  if (!parsed.success) passOn(parsed.error, context)
})

/** The one schema of all settings. Keys are snake_case; unknown ones are refused at every level. */
export function configSchema(adapters: AdapterSchemas) {
  return z.strictObject({
    /** Folder of the embedded catalog. Unused with `database_url`. */
    data_dir: z.string().min(1).default('.quarry'),
    /** Postgres ≥ 15. Unset: the embedded catalog. */
    database_url: secret.nullable().default(null),
    /** Redis for the job queue. Unset: the queue lives in the catalog's database. */
    redis_url: secret.nullable().default(null),
    host: z.string().min(1).default('127.0.0.1'),
    port: z.int().min(0).max(65_535).default(7700),
    /** Whether `serve` also works on jobs. `auto`: yes when embedded, no with Postgres. */
    worker: z.enum(['auto', 'on', 'off']).default('auto'),
    log_level: z.enum(['silent', 'error', 'warn', 'info', 'debug']).default('info'),
    /** Everybody who reaches the port is admin of every tenant. Refused unless `host` is a loopback address. */
    insecure_no_auth: z.boolean().default(false),
    embedders: namedAdapters(adapters.embedders).prefault({ default: { adapter: 'static' } }),
    stores: namedAdapters(adapters.stores).prefault({ local: { adapter: 'local' } }),
    rerankers: namedAdapters(adapters.rerankers).prefault({
      // Collections take the first unless they say otherwise.
      'late-interaction': { adapter: 'late-interaction' },
      lexical: { adapter: 'lexical' },
    }),
    /** Language models that reword queries or situate chunks. None unless named: nothing is sent to one by default. */
    generators: namedAdapters(adapters.generators).default({}),
    /** Prompt templates by name, beside `default`. */
    templates: z
      .record(
        z.string().regex(/^[a-z0-9][a-z0-9_-]{0,62}$/),
        z.strictObject({
          system: z.string().max(20_000).nullable().default(null),
          instruction: z.string().max(20_000).nullable().default(null),
        }),
      )
      .default({}),
    /** The policy of a collection made without one, in snake_case. */
    collection_defaults: policyFields.default({}),
    limits: limitsSchema().prefault({}),
  })
}

export type Config = z.output<ReturnType<typeof configSchema>>

function namedAdapters(schemas: Readonly<Record<string, z.ZodType>>) {
  const names = Object.keys(schemas)
  return z.record(
    z.string().regex(/^[a-z0-9][a-z0-9_-]{0,62}$/),
    z
      .looseObject({ adapter: z.string() })
      .transform(({ adapter, ...options }, context): AdapterConfig => {
        const schema = Object.hasOwn(schemas, adapter) ? schemas[adapter] : undefined
        if (schema === undefined) {
          context.addIssue({
            code: 'custom',
            path: ['adapter'],
            message: `no adapter "${adapter}"; there are: ${names.join(', ')}`,
          })
          return z.NEVER
        }
        const parsed = schema.safeParse(options, { error: wordIssue })
        if (parsed.success) return { adapter, options: parsed.data }
        passOn(parsed.error, context)
        return z.NEVER
      }),
  )
}

function passOn({ issues }: z.ZodError, context: z.RefinementCtx): void {
  for (const issue of issues) context.addIssue({ ...issue } as never)
}

function limitsSchema() {
  const entries = Object.entries(CONFIG_LIMITS)
  const shape = Object.fromEntries(
    entries.map(([name, { min, max, default: normal }]) => [
      snakeCase(name),
      z.int().min(min).max(max).default(normal),
    ]),
  )
  return z.strictObject(shape).transform((given): Limits => {
    const named = entries.map(([name]) => [name, given[snakeCase(name)]] as const)
    return Object.fromEntries(named) as Limits
  })
}
