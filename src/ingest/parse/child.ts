import { QuarryError } from '../../core/errors.ts'
import type { Tokenizer } from '../../core/tokenizer.ts'
import { openTokenizer } from '../../tokenizer/o200k.ts'
import { chunkDocument } from '../chunk/chunk-document.ts'
import type { ChunkDraft } from '../document.ts'
import { parse } from './parse.ts'
import { unparsable } from './parsed.ts'
import {
  type ChildMessage,
  type ChildSettings,
  type DocumentPart,
  MESSAGE_MAX,
  type Task,
} from './protocol.ts'

const settings = JSON.parse(process.argv[2] ?? '{}') as ChildSettings
const parts: Uint8Array[] = []
let task: Task | undefined

/** Resolves when the parent's end has taken the message, so that a long answer does not pile up here. */
function send(message: ChildMessage): Promise<void> {
  return new Promise((resolve) => process.send?.(message, undefined, undefined, () => resolve()))
}

async function read(work: Task, content: Uint8Array, tokenizer: Tokenizer): Promise<void> {
  const parsed = await parse(content, work.mediaType, settings.caps)
  const title = work.title ?? parsed.title
  const chunks = chunkDocument(parsed, work.chunker, tokenizer, title)
  if (chunks.length > settings.chunksMax) {
    throw unparsable(
      `makes ${chunks.length} passages of ${work.chunker.tokensMax} tokens; ${settings.chunksMax} are allowed`,
    )
  }
  for (const group of groups(chunks)) await send({ kind: 'chunks', chunks: group })
  await send({ kind: 'done', title, metadata: parsed.metadata, textLength: parsed.text.length })
}

function* groups(chunks: readonly ChunkDraft[]): Generator<readonly ChunkDraft[]> {
  let group: ChunkDraft[] = []
  let chars = 0
  for (const chunk of chunks) {
    chars += chunk.text.length + chunk.context.length
    group.push(chunk)
    if (chars < MESSAGE_MAX) continue
    yield group
    group = []
    chars = 0
  }
  if (group.length > 0) yield group
}

/** A fault that nobody foresaw is the parser's, but it is this document that meets it, and will again. */
function failure(error: unknown): ChildMessage {
  if (error instanceof QuarryError)
    return { kind: 'failed', code: error.code, message: error.message }
  const name = error instanceof Error ? error.name : 'an unknown fault'
  return {
    kind: 'failed',
    code: 'unsupported',
    message: `The document cannot be parsed (${name}).`,
  }
}

async function serve(): Promise<void> {
  const tokenizer = await openTokenizer()
  process.on('message', (message: DocumentPart) => {
    if (message.task !== undefined) task = message.task
    parts.push(message.part)
    if (!message.last || task === undefined) return
    const content = Buffer.concat(parts.splice(0))
    read(task, content, tokenizer).catch((error: unknown) => send(failure(error)))
  })
  await send({ kind: 'ready' })
}

// The parent alone decides when this process ends: a signal to the whole group must not cut its last documents short.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => {})
process.on('disconnect', () => process.exit(0))
await serve()
