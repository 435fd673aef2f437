import type { Work, WorkItem } from '../../catalog/catalog.ts'
import type { WrittenContexts } from '../../catalog/written-contexts.ts'
import { Budget } from '../../core/budget.ts'
import { QuarryError } from '../../core/errors.ts'
import { createPace } from '../../core/pace.ts'
import { generateUsage, NO_USAGE, type UsageLedger } from '../../observe/usage.ts'
import { blamesText } from '../blames-text.ts'
import type { ChunkDraft } from '../document.ts'
import type { Enrichment } from './enrichment.ts'
import { type Section, sectionsOf } from './sections.ts'
import { contextHash, readContext, situating } from './situate.ts'

export interface EnrichDeps {
  readonly work: Pick<Work, 'knownContexts' | 'keepContexts'>
  readonly usage: Pick<UsageLedger, 'record'>
  readonly limits: {
    readonly enrichmentConcurrency: number
    /** Time for one call to the model; a document gets as many as its chunks need. */
    readonly upstreamMs: number
    readonly jobAttempts: number
  }
}

export interface Enriched extends WrittenContexts {
  /** With what was written for each below its title and headings. */
  readonly chunks: readonly ChunkDraft[]
}

/** A chunk whose context is still to be written. */
interface Missing {
  readonly hash: string
  readonly section: Section
  readonly chunk: ChunkDraft
}

/** One document under way. */
interface Writing {
  readonly title: string | null
  readonly item: WorkItem
  readonly enrichment: Enrichment
  readonly deps: EnrichDeps
  readonly signal: AbortSignal
  /** By hash, filled as they come. */
  readonly contexts: Map<string, string>
  /** Set when the generator is not worth asking for the chunks that are left. */
  isGivenUp: boolean
}

const HASHES_PER_QUERY = 1_000

/**
 * Gives each chunk of a document a context that a generator writes. What was written once for the same text is not
 * asked for again, and what is written is kept at once: a document that fails half-way goes on where it stood.
 * @throws QuarryError of the generator, unless the policy is `plain` and no later try can help
 */
export async function enrichChunks(
  chunks: readonly ChunkDraft[],
  title: string | null,
  item: WorkItem,
  enrichment: Enrichment,
  deps: EnrichDeps,
  signal: AbortSignal,
): Promise<Enriched> {
  const wanted = await hashAll(chunks, title, enrichment)
  const contexts = await readKnown([...new Set(wanted.map(({ hash }) => hash))], item, deps)
  const writing = { title, item, enrichment, deps, signal, contexts, isGivenUp: false }
  await writeMissing(wanted, writing)
  const enriched = wanted.map(({ hash, chunk }) => withContext(chunk, contexts.get(hash)))
  const plainCount = wanted.filter(({ hash }) => !contexts.has(hash)).length
  return { chunks: enriched, contexts: [...contexts.keys()], plainCount }
}

function withContext(chunk: ChunkDraft, context: string | undefined): ChunkDraft {
  if (context === undefined) return chunk
  return { ...chunk, context: chunk.context === '' ? context : `${chunk.context}\n${context}` }
}

async function hashAll(
  chunks: readonly ChunkDraft[],
  title: string | null,
  enrichment: Enrichment,
): Promise<readonly Missing[]> {
  const pace = createPace()
  const hashed: Missing[] = []
  for (const section of sectionsOf(chunks, enrichment.documentTokensMax)) {
    for (const chunk of section.chunks) {
      hashed.push({ hash: contextHash(title, section, chunk, enrichment), section, chunk })
      await pace()
    }
  }
  return hashed
}

/** Those of other documents of the tenant too; this one then keeps a copy of its own. */
async function readKnown(
  hashes: readonly string[],
  item: WorkItem,
  { work }: EnrichDeps,
): Promise<Map<string, string>> {
  const known = new Map<string, string>()
  for (let at = 0; at < hashes.length; at += HASHES_PER_QUERY) {
    const found = await work.knownContexts(item.tenant, hashes.slice(at, at + HASHES_PER_QUERY))
    await work.keepContexts(item, found)
    for (const [hash, context] of found) known.set(hash, context)
  }
  return known
}

/** The first chunk of a section goes alone, so that the provider has the section cached when the others come. */
async function writeMissing(wanted: readonly Missing[], writing: Writing): Promise<void> {
  const bySection = new Map<Section, Map<string, Missing>>()
  let count = 0
  for (const each of wanted) {
    if (writing.contexts.has(each.hash)) continue
    const own = bySection.get(each.section) ?? new Map<string, Missing>()
    bySection.set(each.section, own.set(each.hash, each))
    count += 1
  }
  if (count === 0) return
  const { enrichmentConcurrency: lanes, upstreamMs } = writing.deps.limits
  const allowedMs = upstreamMs * (bySection.size + Math.ceil(count / lanes))
  const budget = Budget.start(allowedMs, { signal: writing.signal })
  for (const own of bySection.values()) {
    const [first, ...others] = own.values()
    if (first !== undefined) await writeOne(first, writing, budget)
    const queue = others.values()
    const lane = async (shared: Budget): Promise<void> => {
      for (const each of queue) await writeOne(each, writing, shared)
    }
    await budget.together(Array.from({ length: Math.min(lanes, others.length) }, () => lane))
  }
}

async function writeOne(missing: Missing, writing: Writing, budget: Budget): Promise<void> {
  if (writing.isGivenUp) return
  const { item, deps } = writing
  const context = await ask(missing, writing, budget)
  if (context === null) return
  writing.contexts.set(missing.hash, context)
  await deps.work.keepContexts(item, new Map([[missing.hash, context]]))
}

/** Null where the chunk must do without. */
async function ask(
  { section, chunk }: Missing,
  writing: Writing,
  budget: Budget,
): Promise<string | null> {
  const { title, item, enrichment, deps } = writing
  const { tenant } = item
  const instruction = situating(title, section, chunk, enrichment)
  try {
    const { text, tokens } = await budget.run((signal) =>
      enrichment.generator.generate(instruction, { tenant, waits: 'ingest', signal }),
    )
    // Owed whatever becomes of the document: the model was paid.
    deps.usage.record({ ...NO_USAGE, tenant, route: 'ingest', ...generateUsage(tokens) })
    const context = readContext(text, enrichment)
    if (context !== '') return context
    throw new QuarryError('upstream_failed', 'the generator wrote a context of no visible text')
  } catch (error) {
    if (!goesPlain(error, writing)) throw error
    if (!blamesText(error)) writing.isGivenUp = true
    return null
  }
}

/** Only for good: a text that the generator refuses, or its last try. */
function goesPlain(error: unknown, { enrichment, item, deps, signal }: Writing): boolean {
  if (enrichment.onFailure === 'fail' || signal.aborted) return false
  if (!(error instanceof QuarryError)) return false
  return blamesText(error) || item.attempts >= deps.limits.jobAttempts
}
