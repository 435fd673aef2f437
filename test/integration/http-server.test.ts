import { once } from 'node:events'
import { request } from 'node:http'
import { connect } from 'node:net'
import { text } from 'node:stream/consumers'
import { setTimeout as sleep } from 'node:timers/promises'
import type { HttpBindings } from '@hono/node-server'
import { Hono } from 'hono'
import { afterEach, describe, expect, test } from 'vitest'
import { DEFAULT_LIMITS } from '../../src/core/limits.ts'
import { BodyGate, withBody } from '../../src/http/body.ts'
import { asQuarryError, statusOf } from '../../src/http/problem.ts'
import { type RunningServer, type ServerLimits, startServer } from '../../src/http/server.ts'

let server: RunningServer | undefined
afterEach(async () => {
  await server?.close(0)
  server = undefined
})

interface Seen {
  entered: boolean
  aborted: boolean
  release: () => void
}

/** An app with a route that reads a bounded body, and one that waits until it is let go. */
async function start(limits: Partial<ServerLimits> = {}): Promise<{ url: string; seen: Seen }> {
  const seen: Seen = { entered: false, aborted: false, release: () => {} }
  const app = new Hono()
  const gate = new BodyGate(1_000_000)
  app.post('/body', async (context) => {
    try {
      // As a key is looked up: by then a body that came with its head is there.
      await Promise.resolve()
      const { incoming } = context.env as HttpBindings
      const arrival = { request: context.req.raw, incoming }
      const answer = await withBody(arrival, { bytesMax: 1_000, gate }, async (bytes) =>
        context.json({ bytes: bytes.length, text: Buffer.from(bytes).toString() }),
      )
      // Before that the connection is not free for the next request.
      if (!incoming.readableEnded) await once(incoming, 'end')
      return answer
    } catch (error) {
      return context.json({}, statusOf(asQuarryError(error)) as 413)
    }
  })
  app.get('/fast', (context) => context.json({ ok: true }))
  app.get('/slow', async (context) => {
    const { signal } = context.req.raw
    signal.addEventListener('abort', () => {
      seen.aborted = true
    })
    seen.entered = true
    await new Promise<void>((resolve) => {
      seen.release = resolve
      signal.addEventListener('abort', () => resolve())
    })
    return context.json({ ok: true })
  })
  server = await startServer(app, { host: '127.0.0.1', port: 0, ...DEFAULT_LIMITS, ...limits })
  return { url: server.url, seen }
}

/** Writes raw bytes to the server and gives back all that it answers until it closes. */
function raw(url: string, text: string): Promise<string> {
  const { hostname, port } = new URL(url)
  return new Promise((resolve, reject) => {
    const socket = connect(Number(port), hostname, () => socket.write(text))
    let answer = ''
    socket.on('data', (part) => {
      answer += part.toString('latin1')
    })
    socket.on('close', () => resolve(answer))
    socket.on('error', reject)
  })
}

async function until(holds: () => boolean): Promise<void> {
  const end = Date.now() + 5_000
  while (!holds() && Date.now() < end) await new Promise((resolve) => setTimeout(resolve, 5))
  expect(holds()).toBe(true)
}

describe('bodies', () => {
  test('up to the limit, and 413 above it with a declared length', async () => {
    const { url } = await start()
    const fits = await fetch(`${url}/body`, { method: 'POST', body: 'x'.repeat(1_000) })
    expect(await fits.json()).toEqual({ bytes: 1_000, text: 'x'.repeat(1_000) })
    const over = await fetch(`${url}/body`, { method: 'POST', body: 'x'.repeat(1_001) })
    expect(over.status).toBe(413)
  })

  test.each([
    ['with their head', (head: string) => [`${head}é1`]],
    ['after it', (head: string) => [head, 'é1']],
    ['in parts', (head: string) => [`${head}é`, '1']],
    ['in parts after it', (head: string) => [head, 'é', '1']],
  ])('are read when they come %s', async (_, writesOf) => {
    const { url } = await start()
    const { hostname, port } = new URL(url)
    const fields = ['host: a', 'connection: close', 'content-length: 3']
    const socket = connect(Number(port), hostname)
    const answered = text(socket)
    for (const written of writesOf(`POST /body HTTP/1.1\r\n${fields.join('\r\n')}\r\n\r\n`)) {
      socket.write(written)
      await sleep(50)
    }
    expect(await answered).toContain(JSON.stringify({ bytes: 3, text: 'é1' }))
  })

  test('413 for an endless chunked body, without reading it to its end', async () => {
    const { url } = await start()
    const { hostname, port } = new URL(url)
    const status = await new Promise<number>((resolve, reject) => {
      const sending = request({ hostname, port, path: '/body', method: 'POST' }, (response) => {
        clearInterval(timer)
        resolve(response.statusCode ?? 0)
        sending.destroy()
      })
      sending.on('error', reject)
      const timer = setInterval(() => sending.write('x'.repeat(100)), 5)
    })
    expect(status).toBe(413)
  })
})

describe('headers', () => {
  test('too many are refused, not dropped', async () => {
    const { url } = await start({ headers: 20 })
    const many = Array.from({ length: 30 }, (_, at) => `x-${at}: 1\r\n`).join('')
    const answer = await raw(url, `GET /fast HTTP/1.1\r\nhost: a\r\n${many}\r\n`)
    expect(answer).toContain('HTTP/1.1 431')
    expect(answer).toContain('application/problem+json')
    const few = await raw(url, 'GET /fast HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n')
    expect(few).toContain('HTTP/1.1 200')
  })

  test('too large ones are refused', async () => {
    const { url } = await start({ headerBytes: 4_096 })
    const answer = await raw(
      url,
      `GET /fast HTTP/1.1\r\nhost: a\r\nx: ${'y'.repeat(8_000)}\r\n\r\n`,
    )
    expect(answer).toContain('HTTP/1.1 431')
    expect(answer).toContain('application/problem+json')
  })

  test('a client that never finishes them is cut off', async () => {
    const { url } = await start({ headersMs: 200 })
    const answer = await raw(url, 'GET /fast HTTP/1.1\r\nhost: a\r\n')
    expect(answer).toContain('HTTP/1.1 408')
  })

  test('what is no HTTP gets 400', async () => {
    const { url } = await start()
    expect(await raw(url, 'hello\r\n\r\n')).toContain('HTTP/1.1 400')
    const host = 'GET /fast HTTP/1.1\r\nhost: a b\r\nconnection: close\r\n\r\n'
    expect(await raw(url, host)).toContain('HTTP/1.1 400')
  })
})

test('a caller that goes away aborts its request', async () => {
  const { url, seen } = await start()
  const controller = new AbortController()
  const gone = fetch(`${url}/slow`, { signal: controller.signal }).catch(() => 'gone')
  await until(() => seen.entered)
  controller.abort()
  expect(await gone).toBe('gone')
  await until(() => seen.aborted)
})

describe('close', () => {
  test('lets what is under way finish and takes nothing new', async () => {
    const { url, seen } = await start()
    const slow = fetch(`${url}/slow`)
    await until(() => seen.entered)
    const closed = server?.close(10_000)
    await expect(fetch(`${url}/fast`)).rejects.toThrow()
    seen.release()
    expect((await slow).status).toBe(200)
    await closed
    server = undefined
  })

  test('cuts what does not finish in time', async () => {
    const { url, seen } = await start()
    const slow = fetch(`${url}/slow`).catch(() => 'cut')
    await until(() => seen.entered)
    await server?.close(50)
    server = undefined
    expect(await slow).toBe('cut')
  })
})
