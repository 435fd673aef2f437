import { createHash } from 'node:crypto'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

/** A model server on loopback that speaks `/v1/embeddings` and `/v1/rerank`, and can be told to hang. */
export interface ModelServer {
  readonly url: string
  hang(yes: boolean): void
  /** Texts embedded so far. */
  embedded(): number
  close(): Promise<void>
}

const DIMENSIONS = 64

export async function startModelServer(): Promise<ModelServer> {
  let hanging = false
  let embedded = 0
  const server = createServer((request, response) => {
    if (hanging) return
    void answer(request, response).then((texts) => {
      embedded += texts
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${port}`,
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

async function answer(request: IncomingMessage, response: ServerResponse): Promise<number> {
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
