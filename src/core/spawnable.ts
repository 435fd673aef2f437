import { type ChildProcess, type ForkOptions, fork } from 'node:child_process'
import { createRequire } from 'node:module'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { Worker, type WorkerOptions } from 'node:worker_threads'

/** Starts a sibling module in a worker thread, from `dist` as it is and from TypeScript source by way of tsx. */
export function startThread(entry: URL, options: WorkerOptions = {}): Worker {
  const url = sourceOrBuilt(entry)
  if (!url.pathname.endsWith('.ts')) return new Worker(url, options)
  const tsx = new URL('./dist/esm/api/index.mjs', pathToFileURL(resolveTsx('tsx/package.json')))
  const bootstrap = `import(${JSON.stringify(tsx.href)}).then((tsx) => { tsx.register(); return import(${JSON.stringify(url.href)}) })`
  return new Worker(bootstrap, { ...options, eval: true })
}

/** Forks a sibling module as a child process, from `dist` or from TypeScript source. */
export function startChild(
  entry: URL,
  args: readonly string[] = [],
  options: ForkOptions = {},
): ChildProcess {
  const url = sourceOrBuilt(entry)
  const loader = url.pathname.endsWith('.ts')
    ? ['--import', pathToFileURL(resolveTsx('tsx')).href]
    : []
  const execArgv = [...loader, ...(options.execArgv ?? [])]
  return fork(fileURLToPath(url), args, { ...options, execArgv })
}

/** An idle child does not keep the service from ending. */
export function rest(child: ChildProcess): void {
  child.unref()
  child.channel?.unref()
  unrefStream(child.stderr)
}

/** The opposite of `rest`. */
export function wake(child: ChildProcess): void {
  child.ref()
  child.channel?.ref()
}

function unrefStream(stream: unknown): void {
  if (typeof stream !== 'object' || stream === null || !('unref' in stream)) return
  if (typeof stream.unref === 'function') stream.unref()
}

/** No key, token or address of the service is within reach of input that takes a child over. */
export function bareEnvironment(): NodeJS.ProcessEnv {
  const names = ['SystemRoot', 'TMPDIR', 'TEMP', 'TZ']
  return Object.fromEntries(
    names.flatMap((name) => (process.env[name] === undefined ? [] : [[name, process.env[name]]])),
  )
}

/** `new URL('./x.ts', import.meta.url)` names the source; in `dist` the same file ends in .js. */
function sourceOrBuilt(entry: URL): URL {
  const running = import.meta.url.endsWith('.ts') ? '.ts' : '.js'
  return new URL(entry.href.replace(/\.[tj]s$/, running))
}

/** tsx is a development dependency, so it is looked for only when the running code is source. */
function resolveTsx(specifier: string): string {
  return createRequire(import.meta.url).resolve(specifier)
}
