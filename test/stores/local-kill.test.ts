import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { startChild } from '../../src/core/spawnable.ts'
import { seededRandom } from '../support/random.ts'

const KILLS = Number(process.env['QUARRY_TEST_ENGINE_KILLS'] ?? 200)
/** Kills come as often within the first moments as much later, when builders had time to start and to end. */
const SOON_MS = 5
const LATE_MS = 1_500
const SEED = Number(process.env['QUARRY_TEST_SEED'] ?? 20261121)

interface Life {
  /** Steps that the child said it had applied before it was killed. */
  readonly settled: number
  readonly verified: boolean
  readonly output: string
}

let folder: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'quarry-engine-kill-'))
})
afterEach(async () => {
  await rm(folder, { recursive: true, force: true })
})

/** One process: it starts from the files, checks them against the stream, goes on writing, and is killed. */
async function live(settled: number, killAfterMs: number): Promise<Life> {
  const entry = new URL('../support/engine-child.ts', import.meta.url)
  const child = startChild(entry, [folder, String(SEED), String(settled)], { silent: true })
  let output = ''
  let last = settled
  let verified = false
  const ended = new Promise<void>((resolve) => {
    child.once('exit', () => resolve())
  })
  child.stderr?.on('data', (data: Buffer) => {
    output += data.toString()
  })
  child.stdout?.on('data', (data: Buffer) => {
    for (const line of data.toString().split('\n')) {
      if (/^\d+$/.test(line)) last = Math.max(last, Number(line))
      else if (line !== '') output += `${line}\n`
      if (line !== 'verified') continue
      verified = true
      setTimeout(() => child.kill('SIGKILL'), killAfterMs)
    }
  })
  await ended
  return { settled: last, verified, output }
}

it(`is whole after each of ${KILLS} kills in the midst of writes, seals, merges and evictions (seed ${SEED})`, {
  timeout: 1_800_000,
}, async () => {
  const random = seededRandom(SEED)
  let settled = 0
  for (let kill = 0; kill < KILLS; kill++) {
    const life = await live(settled, SOON_MS * (LATE_MS / SOON_MS) ** random())
    expect(life, `life ${kill} after ${settled} steps: ${life.output}`).toMatchObject({
      verified: true,
    })
    expect(life.output).not.toContain('wrong')
    settled = life.settled
  }
  // How far a life gets is the machine's affair; that they got on is not.
  expect(settled).toBeGreaterThan(KILLS)
  const files = await readdir(folder, { recursive: true })
  expect(files.filter((name) => name.endsWith('.seg')).length).toBeGreaterThan(0)
  expect(files.filter((name) => name.endsWith('.damaged'))).toEqual([])
})
