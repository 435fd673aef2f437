import { type ChildProcess, execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { startChild } from '../../src/core/spawnable.ts'
import type { Tasks } from '../contenders/contenders.ts'
import { PeerUnavailable } from '../peers/load-peer.ts'
import type { Costs, Grain } from './lanes.ts'
import type { Reply, Request } from './messages.ts'

const HEAP_MB = 12_000

export interface Spent extends Costs {
  /** What the process held in memory afterwards. */
  readonly rssBytes: number
}

/** A contender in a process of its own, so that it has heap, collector and native memory to itself. */
export interface ContenderProcess {
  readonly lanes: readonly string[]
  readonly facts: Readonly<Record<string, number>>
  readonly openMs: number
  readonly rssBytes: number
  run(lane: string, from: number, to: number, grain?: Grain): Promise<Spent>
  answers(lane: string, count: number): Promise<readonly (readonly number[])[]>
  close(): void
}

/**
 * Starts it and waits until it has built or loaded what it searches; then all its threads share the first core, unless
 * it needs them all.
 * @throws PeerUnavailable where its package is absent or it died of the load
 */
export async function startContender<Name extends keyof Tasks>(
  name: Name,
  task: Tasks[Name],
  { cores = 'one' }: { readonly cores?: 'one' | 'all' } = {},
): Promise<ContenderProcess> {
  const child = startChild(new URL('./contender-child.ts', import.meta.url), [], {
    execArgv: ['--expose-gc', `--max-old-space-size=${HEAP_MB}`],
    serialization: 'advanced',
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
  })
  const ask = conversation(child, name)
  const opened = await ask({ kind: 'open', name, task })
  if (opened.kind !== 'opened') throw new Error(`${name} answered ${opened.kind}`)
  if (cores === 'one') shareFirstCore(child)
  return {
    ...opened,
    run: async (lane, from, to, grain = 'query') => {
      const reply = await ask({ kind: 'run', lane, from, to, grain })
      if (reply.kind !== 'costs') throw new Error(`${name} answered ${reply.kind}`)
      return { ...reply.costs, rssBytes: reply.rssBytes }
    },
    answers: async (lane, count) => {
      const reply = await ask({ kind: 'answers', lane, count })
      if (reply.kind !== 'answers') throw new Error(`${name} answered ${reply.kind}`)
      return reply.rows
    },
    close: () => {
      child.kill('SIGKILL')
    },
  }
}

function conversation(child: ChildProcess, name: string): (request: Request) => Promise<Reply> {
  let errors = ''
  child.stderr?.on('data', (part: Buffer) => {
    errors = (errors + part.toString('utf8')).slice(-2_000)
  })
  return async (request) => {
    const silenced = new AbortController()
    const { signal } = silenced
    const replied = once(child, 'message', { signal })
    const ended = once(child, 'exit', { signal }).then(([code, killer]): [Reply] => {
      throw new PeerUnavailable(`${name} ended with ${code ?? killer}: ${lastLineOf(errors)}`)
    })
    child.send(request)
    const [reply] = (await Promise.race([replied, ended]).finally(() => {
      silenced.abort()
      replied.catch(() => undefined)
      ended.catch(() => undefined)
    })) as [Reply]
    if (reply.kind !== 'failed') return reply
    child.kill('SIGKILL')
    throw reply.unavailable ? new PeerUnavailable(reply.message) : new Error(reply.message)
  }
}

function lastLineOf(text: string): string {
  return text.trim().split('\n').at(-1) ?? ''
}

/** Where the system has taskset; elsewhere the processor's time alone makes the figures comparable. */
function shareFirstCore(child: ChildProcess): void {
  try {
    execFileSync('taskset', ['-a', '-c', '-p', '0', String(child.pid)], { stdio: 'ignore' })
  } catch {
    return
  }
}
