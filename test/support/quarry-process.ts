import { type ChildProcess, type ChildProcessWithoutNullStreams, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createRequire } from 'node:module'
import { fileURLToPath, pathToFileURL } from 'node:url'

const ENTRY = fileURLToPath(new URL('../../bin/quarry.ts', import.meta.url))
const TSX = pathToFileURL(createRequire(import.meta.url).resolve('tsx')).href
const START_MS_MAX = 60_000

export interface QuarryProcess {
  /** Empty for a worker, which listens nowhere. */
  readonly url: string
  /** The admin key that a first start prints; null on later starts. */
  readonly firstKey: string | null
  readonly child: ChildProcess
  /** SIGTERM, and the exit code. */
  stop(): Promise<number | null>
  /** SIGKILL: nothing of the process gets to clean up. */
  kill(): Promise<void>
  output(): string
}

export interface StartOptions {
  readonly command: 'serve' | 'work'
  readonly env: Readonly<Record<string, string>>
  readonly args?: readonly string[]
  /** What node runs instead of the sources, such as a build's entry. */
  readonly entry?: string
}

/** Starts the real executable, from source unless told otherwise, and resolves when it says that it is up. */
export async function startQuarry({
  command,
  env,
  args = [],
  entry,
}: StartOptions): Promise<QuarryProcess> {
  const port = command === 'serve' ? ['--port', '0'] : []
  const program = entry === undefined ? ['--import', TSX, ENTRY] : [entry]
  const child = spawn(process.execPath, [...program, command, ...port, ...args], {
    env: { ...cleanEnv(), NO_COLOR: '1', QUARRY_LIMITS__DRAIN_NOTICE_MS: '0', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let output = ''
  const heard = (part: Buffer): void => {
    output += part.toString('utf8')
  }
  child.stdout.on('data', heard)
  child.stderr.on('data', heard)
  await untilUp(child, command, () => output)
  return {
    url: /listens on (http:\S+)/.exec(output)?.[1] ?? '',
    firstKey: /^\s+(qk_\S+)$/m.exec(output)?.[1] ?? null,
    child,
    output: () => output,
    stop: () => end(child, 'SIGTERM'),
    kill: async () => {
      await end(child, 'SIGKILL')
    },
  }
}

/** One command under way, for the caller to feed and to signal. */
export function spawnQuarry(
  args: readonly string[],
  env: Readonly<Record<string, string>>,
): ChildProcessWithoutNullStreams {
  return spawn(process.execPath, ['--import', TSX, ENTRY, ...args], {
    env: { ...cleanEnv(), NO_COLOR: '1', ...env },
    stdio: ['pipe', 'pipe', 'pipe'],
  })
}

/** Runs one command to its end. */
export async function runQuarry(
  args: readonly string[],
  env: Readonly<Record<string, string>>,
  input?: string,
): Promise<{ readonly code: number | null; readonly stdout: string; readonly stderr: string }> {
  const child = spawnQuarry(args, env)
  const stdout: Buffer[] = []
  const stderr: Buffer[] = []
  child.stdout.on('data', (part: Buffer) => stdout.push(part))
  child.stderr.on('data', (part: Buffer) => stderr.push(part))
  // A command that ends without reading it closes the pipe.
  child.stdin.on('error', () => {})
  child.stdin.end(input)
  const [code] = (await once(child, 'close')) as [number | null]
  return {
    code,
    stdout: Buffer.concat(stdout).toString('utf8'),
    stderr: Buffer.concat(stderr).toString('utf8'),
  }
}

function cleanEnv(): Record<string, string> {
  const kept = Object.entries(process.env).filter(
    ([name, value]) =>
      value !== undefined && !/^(QUARRY_|DATABASE_URL|REDIS_URL|VITEST|NODE_OPTIONS)/.test(name),
  )
  return Object.fromEntries(kept) as Record<string, string>
}

async function untilUp(
  child: ChildProcess,
  command: 'serve' | 'work',
  output: () => string,
): Promise<void> {
  const sign = command === 'serve' ? /listens on http:\S+/ : /"msg":"working"/
  const endsAtMs = performance.now() + START_MS_MAX
  while (!sign.test(output())) {
    if (child.exitCode !== null || child.signalCode !== null)
      throw new Error(
        `quarry ${command} ended with ${child.exitCode ?? child.signalCode}:\n${output()}`,
      )
    if (performance.now() > endsAtMs) {
      child.kill('SIGKILL')
      throw new Error(`quarry ${command} did not come up in ${START_MS_MAX} ms:\n${output()}`)
    }
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}

async function end(child: ChildProcess, signal: NodeJS.Signals): Promise<number | null> {
  if (child.exitCode !== null || child.signalCode !== null) return child.exitCode
  const exited = once(child, 'exit')
  child.kill(signal)
  const [code] = (await exited) as [number | null]
  return code
}
