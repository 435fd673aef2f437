import type { Command } from 'commander'
import { type ConnectOptions, connect, connectOptions } from '../connect.ts'
import { EXIT } from '../exit.ts'
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

export function addKeys(program: Command): void {
  const keys = program.command('keys').description('API keys: create, list, revoke')
  connectOptions(
    keys
      .command('create')
      .description('Makes a key and prints it this once; only its hash is kept.')
      .requiredOption('--name <name>', 'what it is for')
      .option('--scope <scope...>', 'retrieve, ingest, admin, eval', ['retrieve'])
      .option(
        '--for-tenant <id>',
        'bind it to one tenant; without this it acts for the tenant in X-Tenant-Id',
      )
      .option('--expires <date>', 'RFC 3339 date or time')
      .option('--json', 'print JSON'),
  ).action(create)
  connectOptions(
    keys
      .command('list')
      .description('Lists keys, never their secrets.')
      .option('--json', 'print JSON'),
  ).action(list)
  connectOptions(
    keys
      .command('revoke')
      .description('Ends a key; it is refused everywhere within a second.')
      .argument('<id>', 'id of the key'),
  ).action(revoke)
}

async function create(options: CreateOptions): Promise<void> {
  const client = await connect(options, { worker: false })
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
  const client = await connect(options, { worker: false })
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
  const client = await connect(options, { worker: false })
  try {
    await client.call('DELETE', `/v1/keys/${encodeURIComponent(id)}`)
    process.stdout.write(`revoked ${id}\n`)
    process.exitCode = EXIT.ok
  } finally {
    await client.close()
  }
}
