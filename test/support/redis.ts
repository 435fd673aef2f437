import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'

export interface TestRedis {
  readonly url: string
  close(): Promise<void>
}

/** A redis-server of this test's own, on a free port, forgetting everything at its end. */
export async function startTestRedis(): Promise<TestRedis> {
  const folder = await mkdtemp(join(tmpdir(), 'quarry-redis-'))
  const port = await freePort()
  const options = ['--bind', '127.0.0.1', '--save', '', '--appendonly', 'no', '--dir', folder]
  const server = spawn('redis-server', ['--port', String(port), ...options], { stdio: 'ignore' })
  await Promise.race([answering(port), missing(server)])
  return {
    url: `redis://127.0.0.1:${port}`,
    async close() {
      const gone = once(server, 'exit')
      server.kill('SIGKILL')
      await gone
      await rm(folder, { recursive: true, force: true })
    },
  }
}

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1')
  await once(probe, 'listening')
  const address = probe.address()
  probe.close()
  await once(probe, 'close')
  if (address === null || typeof address === 'string') throw new Error('no free port')
  return address.port
}

async function missing(server: ChildProcess): Promise<never> {
  const [error] = await once(server, 'error')
  const how = 'this test needs redis-server; on Debian: apt-get install redis-server'
  throw new Error(how, { cause: error })
}

async function answering(port: number): Promise<void> {
  for (let tries = 0; tries < 200; tries++) {
    const socket = connect(port, '127.0.0.1')
    const open = await Promise.race([
      once(socket, 'connect').then(
        () => true,
        () => false,
      ),
      pause(1_000, false),
    ])
    socket.destroy()
    if (open) return
    await pause(25)
  }
  throw new Error(`redis-server did not answer on port ${port}`)
}
