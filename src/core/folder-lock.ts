import { createHash } from 'node:crypto'
import { mkdir, realpath, rm } from 'node:fs/promises'
import { connect, createServer, type Server } from 'node:net'
import { tmpdir } from 'node:os'
import { basename, dirname, join } from 'node:path'

export interface FolderLock {
  release(): Promise<void>
}

/**
 * Lets one process at a time have a folder; null while another has it. The lock is a socket that the operating system
 * closes with its process, so kill -9 frees it at once and nothing is left to clean up.
 */
export async function tryLockFolder(folder: string): Promise<FolderLock | null> {
  await mkdir(dirname(folder), { recursive: true })
  const parent = await realpath(dirname(folder))
  const path = await realpath(folder).catch(() => join(parent, basename(folder)))
  const server = await listen(socketName(path))
  if (server === null) return null
  return { release: () => new Promise((resolve) => server.close(() => resolve())) }
}

/** Linux has socket names outside the file system and Windows has pipes; elsewhere it is a file. */
export function socketName(path: string, platform: NodeJS.Platform = process.platform): string {
  const name = `quarry-${createHash('sha256').update(path).digest('hex').slice(0, 32)}`
  if (platform === 'linux') return `\0${name}`
  if (platform === 'win32') return `\\\\.\\pipe\\${name}`
  return join(tmpdir(), `${name}.sock`)
}

/** Null when another process holds the name. A socket file that nobody answers on is a dead process's, and is removed. */
export async function listen(name: string): Promise<Server | null> {
  const server = await tryToListen(name)
  if (server !== null || !name.startsWith('/')) return server
  if (await somebodyAnswers(name)) return null
  await rm(name, { force: true })
  return tryToListen(name)
}

function tryToListen(name: string): Promise<Server | null> {
  return new Promise((resolve, reject) => {
    const server = createServer((socket) => socket.destroy())
    server.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EADDRINUSE') resolve(null)
      else reject(error)
    })
    server.listen(name, () => {
      server.unref()
      resolve(server)
    })
  })
}

function somebodyAnswers(name: string): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const socket = connect(name)
    socket.once('connect', () => {
      socket.destroy()
      resolve(true)
    })
    socket.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'ECONNREFUSED' || error.code === 'ENOENT') resolve(false)
      else reject(error)
    })
  })
}
