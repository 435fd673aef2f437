import type { AdapterConfig } from '../config/schema.ts'
import type { Embedder } from '../core/embedder.ts'
import { QuarryError } from '../core/errors.ts'
import type { Generator } from '../core/generator.ts'
import type { Reranker } from '../core/reranker.ts'
import type { VectorStore } from '../core/vector-store.ts'

/** Opens one adapter from its checked options. */
export type Open<T> = (adapter: AdapterConfig) => Promise<T>

export interface Adapters {
  readonly stores: ReadonlyMap<string, VectorStore>
  readonly embedders: ReadonlyMap<string, Embedder>
  readonly rerankers: ReadonlyMap<string, Reranker>
  readonly generators: ReadonlyMap<string, Generator>
  close(): Promise<void>
}

export interface AdapterConfigs {
  readonly stores: Readonly<Record<string, AdapterConfig>>
  readonly embedders: Readonly<Record<string, AdapterConfig>>
  readonly rerankers: Readonly<Record<string, AdapterConfig>>
  readonly generators: Readonly<Record<string, AdapterConfig>>
}

/** All that the config names, or none: when one cannot be opened, those before it are closed again. */
export async function openAdapters(
  configs: AdapterConfigs,
  open: {
    readonly store: Open<VectorStore>
    readonly embedder: Open<Embedder>
    readonly reranker: Open<Reranker>
    readonly generator: Open<Generator>
  },
): Promise<Adapters> {
  const opened: { close(): Promise<void> }[] = []
  const closeAll = async (): Promise<void> => {
    await Promise.all(opened.map((each) => each.close()))
  }
  const openNamed = async <T extends { close(): Promise<void> }>(
    kind: string,
    named: Readonly<Record<string, AdapterConfig>>,
    openOne: Open<T>,
  ): Promise<Map<string, T>> => {
    const byName = new Map<string, T>()
    for (const [name, adapter] of Object.entries(named)) {
      const one = await openOne(adapter).catch((cause: unknown) => {
        throw explain(`${kind} "${name}"`, cause)
      })
      opened.push(one)
      byName.set(name, one)
    }
    return byName
  }
  try {
    return {
      stores: await openNamed('store', configs.stores, open.store),
      embedders: await openNamed('embedder', configs.embedders, open.embedder),
      rerankers: await openNamed('reranker', configs.rerankers, open.reranker),
      generators: await openNamed('generator', configs.generators, open.generator),
      close: closeAll,
    }
  } catch (error) {
    await closeAll()
    throw error
  }
}

function explain(which: string, cause: unknown): unknown {
  if (!(cause instanceof QuarryError)) return cause
  return new QuarryError(cause.code, `${which}: ${cause.message}`, {
    cause,
    details: cause.details,
  })
}
