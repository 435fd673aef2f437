import type { Config } from '../config/schema.ts'
import { QuarryError } from '../core/errors.ts'
import type { ChunkReader } from '../core/lexical-index.ts'
import type { DocumentId, Scope } from '../core/model.ts'
import { assemblePrompt } from '../prompt/assemble.ts'
import { coveredSpan, joinPieces, pieceOf, textKey } from '../prompt/passages.ts'
import type { PinnedDocument } from '../prompt/prompt.ts'
import { templateOf } from '../prompt/template.ts'
import { createTokenMemos } from '../prompt/token-memo.ts'
import type { AssembleInput, RetrieveDeps } from '../retrieve/deps.ts'
import { openTokenizer } from '../tokenizer/o200k.ts'

export interface AssemblerSources {
  readonly chunks: ChunkReader
  readonly templates: Config['templates']
}

/** Of the digests under which the token counts of texts are kept: some 8 MB, for about 30,000 passages. */
const MEMO_CHARS = 4_000_000

/** Loads the tokenizer once, so that no request waits for it. */
export async function openAssembler(sources: AssemblerSources): Promise<RetrieveDeps['assemble']> {
  const tokenizer = await openTokenizer()
  const memos = createTokenMemos(MEMO_CHARS)
  return async (input, signal) => {
    const { scope, query, hits, request } = input
    const pinned = await readPinned(scope, request.pinned, sources.chunks, signal)
    const template = templateFor(input, sources.templates)
    const memo = memos.of(scope.tenant)
    return assemblePrompt(request, { query, hits, pinned, template, tokenizer, memo }, signal)
  }
}

/** `default` is the collection's own; another name is one of the config's. */
function templateFor({ request, policy }: AssembleInput, templates: Config['templates']) {
  if (request.template === 'default') return templateOf(policy)
  const named = Object.hasOwn(templates, request.template) ? templates[request.template] : undefined
  if (named !== undefined) return templateOf(named)
  const known = ['default', ...Object.keys(templates)].join(', ')
  throw new QuarryError(
    'invalid_request',
    `prompt.template: no template "${request.template}"; there are: ${known}`,
  )
}

/** The whole of each document that is there, from its chunks: they tile its text in order. */
async function readPinned(
  scope: Scope,
  ids: readonly DocumentId[],
  chunks: ChunkReader,
  signal: AbortSignal,
): Promise<PinnedDocument[]> {
  const pinned: PinnedDocument[] = []
  for (const id of new Set(ids)) {
    const parts = await chunks.readNeighbours(scope, id, 0, Number.MAX_SAFE_INTEGER, signal)
    const [first] = parts
    if (first === undefined) continue
    const pieces = parts.map(pieceOf)
    pinned.push({
      id,
      title: first.title,
      text: joinPieces(pieces),
      textKey: textKey(pieces),
      span: coveredSpan(pieces),
    })
  }
  return pinned
}
