import type { Command } from 'commander'
import { KEY_SCOPES } from '../../src/catalog/catalog.ts'
import { type ConnectOptions, connect, connectOptions } from '../connect.ts'
import { choice, examples, futureTime } from '../options.ts'
import { paint, table } from '../terminal.ts'

interface KeyOnWire {
  readonly id: string
  readonly name: string
  readonly scopes: readonly string[]
  readonly tenant: string | null
  readonly created_at: string
  readonly last_used_at: string | null
  readonly expires_at: string | null
  readonly revoked_at: string | null
}

interface CreateOptions extends ConnectOptions {
  readonly name: string
  readonly scope: readonly string[]
  readonly forTenant?: string
  readonly expires?: string
  readonly json?: boolean
}

/** Keys live in the catalog alone: no index has to be loaded. */
const ROLES = { worker: false, replica: false } as const

export function addKeys(program: Command): void {
  const keys = program.command('keys').description('API keys: create, list, revoke')
  connectOptions(
    keys
      .command('create')
      .description('Makes a key and prints it this once; only its hash is kept.')
      .requiredOption('--name <name>', 'what it is for')
      .addOption(
        choice('--scope <scope...>', 'what it may do; admin may do everything', KEY_SCOPES).default(
          ['retrieve'],
        ),
      )
      .option(
        '--for-tenant <id>',
        'bind it to one tenant; without this it acts for the tenant in X-Tenant-Id',
      )
      .option('--expires <time>', 'day or time (RFC 3339) at which it ends', futureTime)
      .option('--json', 'print JSON'),
  )
    .addHelpText(
      'after',
      examples(
        'quarry keys create --name chat-backend --scope retrieve --for-tenant acme',
        'quarry keys create --name loader --scope ingest retrieve --expires 2030-01-31',
      ),
    )
    .action(create)
  connectOptions(
    keys
      .command('list')
      .description('Lists keys, never their secrets.')
      .option('--json', 'print JSON'),
  )
    .addHelpText('after', examples('quarry keys list'))
    .action(list)
  connectOptions(
    keys
      .command('revoke')
      .description('Ends a key; it is refused everywhere within a second.')
      .argument('<id>', 'id of the key'),
  )
    .addHelpText('after', examples('quarry keys revoke k_0123'))
    .action(revoke)
}

async function create(options: CreateOptions): Promise<void> {
  const client = await connect(options, ROLES)
  try {
    const answer = await client.call<{ key: string } & KeyOnWire>('POST', '/v1/keys', {
      name: options.name,
      scopes: options.scope,
      tenant: options.forTenant ?? null,
      ...(options.expires === undefined ? {} : { expires_at: options.expires }),
    })
    if (options.json) process.stdout.write(`${JSON.stringify(answer)}\n`)
    else process.stdout.write(`${answer.key}\n${paint('dim', 'Shown this once: keep it now.')}\n`)
  } finally {
    await client.close()
  }
}

async function list(options: ConnectOptions & { readonly json?: boolean }): Promise<void> {
  const client = await connect(options, ROLES)
  try {
    const { keys } = await client.call<{ keys: readonly KeyOnWire[] }>('GET', '/v1/keys')
    if (options.json) {
      process.stdout.write(`${JSON.stringify(keys)}\n`)
      return
    }
    const rows = keys.map((key) => [
      key.id,
      key.name,
      key.scopes.join(','),
      key.tenant ?? '(any)',
      stateOf(key),
      key.last_used_at ?? 'never used',
    ])
    process.stdout.write(
      `${table([['id', 'name', 'scopes', 'tenant', 'state', 'last used'], ...rows])}\n`,
    )
  } finally {
    await client.close()
  }
}

function stateOf({ revoked_at, expires_at }: KeyOnWire): string {
  if (revoked_at !== null) return 'revoked'
  return expires_at !== null && Date.parse(expires_at) < Date.now() ? 'expired' : 'live'
}

async function revoke(id: string, options: ConnectOptions): Promise<void> {
  const client = await connect(options, ROLES)
  try {
    await client.call('DELETE', `/v1/keys/${encodeURIComponent(id)}`)
    process.stdout.write(`revoked ${id}\n`)
  } finally {
    await client.close()
  }
}
