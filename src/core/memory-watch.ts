import { readFile } from 'node:fs/promises'

const EVERY_MS = 50

/**
 * Calls back once the resident memory of a process passes the limit. Buffers lie outside the heap that
 * `--max-old-space-size` bounds. Only Linux tells one process of another's memory; elsewhere the heap cap stands alone.
 */
export function watchMemory(
  pid: number | undefined,
  limitMiB: number,
  ended: AbortSignal,
  onExceeded: () => void,
): void {
  if (process.platform !== 'linux' || pid === undefined) return
  let looking = false
  const look = async (): Promise<void> => {
    if (looking) return
    looking = true
    const resident = await residentMiB(pid)
    looking = false
    if (resident > limitMiB && !ended.aborted) onExceeded()
  }
  const timer = setInterval(() => void look(), EVERY_MS)
  ended.addEventListener('abort', () => clearInterval(timer))
}

async function residentMiB(pid: number): Promise<number> {
  try {
    const status = await readFile(`/proc/${pid}/status`, 'utf8')
    return Number(/^VmRSS:\s+(\d+) kB/m.exec(status)?.[1] ?? 0) / 1024
  } catch {
    // The process is gone; its exit is noticed where it is awaited.
    return 0
  }
}
