import { createHash } from 'node:crypto'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

/** What a chat model was shown; `user` is the whole of what stands after the system's words. */
export interface Chat {
  readonly system: string
  readonly user: string
}

/** A text, or the status of a failure. */
export type ChatAnswer = string | number

/** A model server on loopback that speaks `/v1/embeddings`, `/v1/rerank` and `/v1/chat/completions`, and can be told to hang. */
export interface ModelServer {
  readonly url: string
  /** What was asked of the chat model, in the order of arrival. */
  readonly chats: Chat[]
  /** Answers chats from now on; unless told otherwise, with «about» and the chunk that was shown. */
  chat(answer: (chat: Chat) => ChatAnswer): void
  hang(yes: boolean): void
  /** Texts embedded so far. */
  embedded(): number
  close(): Promise<void>
}

const DIMENSIONS = 64

export async function startModelServer(): Promise<ModelServer> {
  let hanging = false
  let embedded = 0
  const chats: Chat[] = []
  let answerChat = (chat: Chat): ChatAnswer => `about ${chunkOf(chat)}`
  const talk = (chat: Chat): ChatAnswer => {
    chats.push(chat)
    return answerChat(chat)
  }
  const server = createServer((request, response) => {
    if (hanging) return
    void answer(request, response, talk).then((texts) => {
      embedded += texts
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${port}`,
    chats,
    chat: (next) => {
      answerChat = next
    },
    hang: (yes) => {
      hanging = yes
    },
    embedded: () => embedded,
    close: () => close(server),
  }
}

function close(server: Server): Promise<void> {
  server.closeAllConnections()
  return new Promise((resolve) => {
    server.close(() => resolve())
  })
}

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  talk: (chat: Chat) => ChatAnswer,
): Promise<number> {
  const parts: Buffer[] = []
  for await (const part of request) parts.push(part as Buffer)
  const body = JSON.parse(Buffer.concat(parts).toString('utf8'))
  response.setHeader('content-type', 'application/json')
  if (request.url?.endsWith('/rerank')) {
    const results = body.documents.map((text: string, index: number) => ({
      index,
      relevance_score: overlap(body.query, text),
    }))
    response.end(JSON.stringify({ results }))
    return 0
  }
  if (request.url?.endsWith('/chat/completions')) {
    const [system, user] = body.messages
    finishChat(response, talk({ system: system.content, user: user.content }))
    return 0
  }
  const inputs: string[] = Array.isArray(body.input) ? body.input : [body.input]
  const data = inputs.map((text, index) => ({
    object: 'embedding',
    index,
    embedding: encode(bagOfWords(text)),
  }))
  response.end(
    JSON.stringify({
      object: 'list',
      data,
      model: body.model,
      usage: { prompt_tokens: 1, total_tokens: 1 },
    }),
  )
  return inputs.length
}

function encode(vector: Float32Array): string {
  return Buffer.from(vector.buffer).toString('base64')
}

/** Each word hashed into one of the dimensions: enough for texts with words in common to be near. */
function bagOfWords(text: string): Float32Array {
  const vector = new Float32Array(DIMENSIONS).fill(0.01)
  for (const word of wordsOf(text)) {
    const at = createHash('sha256').update(word).digest().readUInt16LE(0) % DIMENSIONS
    vector[at] = (vector[at] ?? 0) + 1
  }
  const norm = Math.hypot(...vector)
  return vector.map((value) => value / norm)
}

function overlap(query: string, text: string): number {
  const words = new Set(wordsOf(text))
  const asked = wordsOf(query)
  return asked.filter((word) => words.has(word)).length / Math.max(1, asked.length)
}

function wordsOf(text: string): string[] {
  return text.toLowerCase().match(/\p{L}+/gu) ?? []
}

/** The text between the last tags of what was shown, as enrichment shows a chunk. */
export function chunkOf({ user }: Chat): string {
  return (
    user
      .split('\n')
      .slice(0, -1)
      .join('\n')
      .split(/<chunk_\w+>\n/)
      .at(-1) ?? ''
  )
}

function finishChat(response: ServerResponse, answered: ChatAnswer): void {
  if (typeof answered === 'number') {
    response.statusCode = answered
    response.end('{}')
    return
  }
  response.end(
    JSON.stringify({
      choices: [{ message: { role: 'assistant', content: answered }, finish_reason: 'stop' }],
      usage: {
        prompt_tokens: 100,
        completion_tokens: 10,
        prompt_tokens_details: { cached_tokens: 80 },
      },
    }),
  )
}
