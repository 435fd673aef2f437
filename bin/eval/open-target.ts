import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Target } from '../../eval/target.ts'
import { apiTarget } from '../../eval/targets/api-target.ts'
import { retrievalTarget } from '../../eval/targets/retrieval-target.ts'
import type { Dataset, EvalDocument } from '../../eval/types.ts'
import type { Config } from '../../src/config/schema.ts'
import { toCamel } from '../../src/core/casing.ts'
import { QuarryError } from '../../src/core/errors.ts'
import { createLog } from '../../src/observe/log.ts'
import { Closers } from '../../src/service/closers.ts'
import { openPassages } from '../../src/service/open-passages.ts'
import { openConfigured, openEngine } from '../../src/service.ts'
import type { Client } from '../client.ts'
import { type ConnectOptions, connect, settingsOf } from '../connect.ts'
import { ingest } from '../ingest.ts'
import type { Item } from '../wire.ts'

/** A target with what was opened for it. */
export interface OpenTarget {
  readonly target: Target
  close(): Promise<void>
}

export interface TargetOptions {
  readonly budgetMs: number
  readonly signal: AbortSignal
  /** What is being done before the first question, for people. */
  readonly onProgress?: ((text: string) => void) | undefined
}

export interface FreshOptions extends TargetOptions {
  /** Of the collection that is made for the purpose, in snake_case as the API takes it. */
  readonly policy: Readonly<Record<string, unknown>>
}

export interface Asked extends FreshOptions, ConnectOptions {
  /** One that is there already; without it the set is indexed for the purpose. */
  readonly collection?: string | undefined
  /** Parsed, cut and embedded as the service does, instead of each document one chunk. */
  readonly ingests: boolean
  readonly withDense: boolean
  readonly withExact: boolean
}

/** Opens what the judged queries of a set are asked of. */
export async function openTarget(dataset: Dataset, asked: Asked): Promise<OpenTarget> {
  if (asked.collection !== undefined) return openCollectionTarget(asked.collection, asked, asked)
  if (asked.ingests) return openIngestedTarget(dataset, asked, asked)
  return openPassagesTarget(dataset, await settingsOf(asked), asked)
}

/** Puts a set into a temporary engine, each document one chunk, and asks it through the service's own retrieval. */
export async function openPassagesTarget(
  { name, corpus }: Dataset,
  config: Config,
  options: FreshOptions & { readonly withDense: boolean; readonly withExact: boolean },
): Promise<OpenTarget> {
  const closers = new Closers()
  try {
    const log = createLog({ level: 'error' })
    const engine = closers.add(await openEngine(config, log, false))
    const adapters = closers.add(await openConfigured(config, { engine }))
    const passages = await openPassages({
      config,
      adapters,
      engine,
      policy: toCamel(options.policy) as Record<string, unknown>,
      passages: corpus(),
      withDense: options.withDense,
      withExact: options.withExact,
      signal: options.signal,
      onProgress: (count) => options.onProgress?.(`${count} passages indexed`),
    })
    const { tenant, collection, retrieve, neighbours, count } = passages
    const { policy, serving } = collection
    const about = {
      kind: 'passages' as const,
      name: `${count.toLocaleString('en')} passages of ${name}`,
      settings: { space: serving.space.name, documents: count, policy },
    }
    const asked = { tenant, collection: collection.id, retrieve, budgetMs: options.budgetMs }
    return {
      target: retrievalTarget({ ...asked, about, ...(neighbours === null ? {} : { neighbours }) }),
      close: () => closers.closeAll(0),
    }
  } catch (error) {
    await closers.closeAll(0)
    throw error
  }
}

/** Asks a collection that is there already, of a running service or of the embedded catalog. */
async function openCollectionTarget(
  collection: string,
  connection: ConnectOptions,
  { budgetMs }: TargetOptions,
): Promise<OpenTarget> {
  const client = await connect(connection, { worker: false, replica: true })
  try {
    const settings = await collectionOf(client, collection)
    const name = `collection ${collection} of ${client.target}`
    return {
      target: targetOf(client, collection, { kind: 'collection', name, settings }, budgetMs),
      close: () => client.close(),
    }
  } catch (error) {
    await client.close()
    throw error
  }
}

const INGESTED = 'eval'

/** Ingests a set as it would come in (parsed, cut, embedded) into a temporary service, and asks that. */
async function openIngestedTarget(
  { name, corpus }: Dataset,
  connection: Pick<ConnectOptions, 'config'>,
  { policy, budgetMs, signal, onProgress }: FreshOptions,
): Promise<OpenTarget> {
  const dataDir = await mkdtemp(join(tmpdir(), 'quarry-eval-'))
  const remove = () => rm(dataDir, { recursive: true, force: true })
  let client: Client | undefined
  const close = async (): Promise<void> => {
    await client?.close(0)
    await remove()
  }
  try {
    client = await connect({ ...connection, dataDir }, { worker: true, replica: true })
    await client.call('PUT', `/v1/collections/${INGESTED}`, { policy })
    onProgress?.('ingesting')
    const summary = await ingest(client, itemsOf(corpus()), {
      collection: INGESTED,
      wait: true,
      quiet: false,
      signal,
    })
    const [failure] = summary.failed
    if (failure !== undefined)
      throw new QuarryError(
        'invalid_request',
        `${summary.failed.length} documents of ${name} could not be ingested, such as ${failure.document}: ${failure.reason}`,
      )
    signal.throwIfAborted()
    await untilSearchable(client, summary.version)
    const settings = { ...(await collectionOf(client, INGESTED)), documents: summary.documents }
    const about = { kind: 'ingested', name: `${name}, ingested`, settings } as const
    return { target: targetOf(client, INGESTED, about, budgetMs), close }
  } catch (error) {
    await close()
    throw error
  }
}

function targetOf(
  client: Client,
  collection: string,
  about: Target['about'],
  budgetMs: number,
): Target {
  const post = (body: object, signal: AbortSignal) =>
    client.call<unknown>('POST', '/v1/retrieve', body, { signal })
  return apiTarget({ post, about, collection, budgetMs })
}

/** The first retrieval waits until this process has applied what was written last. */
async function untilSearchable(client: Client, version: string | null): Promise<void> {
  if (version === null) return
  await client.call('POST', '/v1/retrieve', {
    collection: INGESTED,
    query: 'anything',
    mode: 'lexical',
    min_version: version,
    require: ['fresh'],
    budget_ms: 30_000,
  })
}

async function collectionOf(client: Client, name: string): Promise<Record<string, unknown>> {
  const path = `/v1/collections/${encodeURIComponent(name)}`
  return client.call<Record<string, unknown>>('GET', path)
}

async function* itemsOf(corpus: AsyncIterable<EvalDocument>): AsyncGenerator<Item> {
  for await (const { id, title, text } of corpus) {
    if (text === '' && title === '') continue
    const document = { id, text, media_type: 'text/plain', ...(title === '' ? {} : { title }) }
    yield { document }
  }
}
