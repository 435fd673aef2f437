import { openHashed } from '../adapters/embedders/hashed.ts'
import { openStatic } from '../adapters/embedders/static.ts'
import { shippedModelPath } from '../adapters/static-model/artefact.ts'
import { openStaticModel } from '../adapters/static-model/open-static-model.ts'
import type { Embedder } from '../src/core/embedder.ts'
import type { TenantId } from '../src/core/model.ts'
import { readCorpus } from './corpus.ts'
import { percentile } from './load.ts'

const PASSAGES = 5_000
const ROUNDS = 7

/**
 * What the embedders of this process do of one core: passages of a real set, in turns. Tokens are WordPiece's for each,
 * and time is the processor's, which other work on the machine disturbs least. The rate is of the median round.
 */
export async function benchEmbed(log: (line: string) => void): Promise<object> {
  const corpus = await readCorpus('scifact', PASSAGES)
  const texts = corpus.passages.map(({ text }) => text)
  const { tokens: wordPiece } = await openStaticModel(await shippedModelPath())
  const tokenise = (text: string) => wordPiece.encode(text, Number.MAX_SAFE_INTEGER).length
  const count = (all: readonly string[]) => all.reduce((sum, text) => sum + tokenise(text), 0)
  const tokens = count(texts)
  const [embedStatic, embedHashed] = [embedding(await openStatic()), embedding(openHashed())]
  const contenders = {
    wordpiece: async () => void count(texts),
    static: () => embedStatic(texts),
    hashed: () => embedHashed(texts),
  }
  const seconds: Record<string, number[]> = { wordpiece: [], static: [], hashed: [] }
  for (let round = 0; round < ROUNDS; round += 1)
    for (const [name, run] of Object.entries(contenders)) {
      const cpu = process.cpuUsage()
      await run()
      const { user, system } = process.cpuUsage(cpu)
      seconds[name]?.push((user + system) / 1e6)
    }
  const bytes = texts.reduce((sum, text) => sum + Buffer.byteLength(text), 0)
  const rates = Object.entries(seconds).map(([name, spent]) => {
    const median = percentile(spent, 0.5)
    const rate = {
      tokens_per_second: Math.round(tokens / median),
      mb_per_second: Math.round(bytes / median / 1e5) / 10,
      passages_per_second: Math.round(texts.length / median),
    }
    log(`${name}: ${rate.tokens_per_second} tokens/s, ${rate.mb_per_second} MB/s`)
    return [name, rate]
  })
  return { corpus: corpus.name, passages: texts.length, tokens, ...Object.fromEntries(rates) }
}

function embedding(embedder: Embedder): (texts: readonly string[]) => Promise<unknown> {
  const call = { tenant: 'bench' as TenantId, signal: new AbortController().signal }
  return (texts) => embedder.embedPassages(texts, call)
}
