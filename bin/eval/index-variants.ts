import { QuarryError } from '../../src/core/errors.ts'

export interface IndexVariant {
  readonly name: string
  readonly policy: Readonly<Record<string, unknown>>
}

export interface VariantOptions {
  readonly collection?: string | undefined
  readonly policy: Readonly<Record<string, unknown>>
  readonly k1?: readonly number[] | undefined
  readonly b?: readonly number[] | undefined
  readonly analyzer?: readonly string[] | undefined
  readonly chunkTokens?: readonly number[] | undefined
}

/** Each is indexed anew: what takes longer than a coffee is better split in two. */
const VARIANTS_MAX = 24

/**
 * What is there now, and each combination of other ways of indexing.
 * @throws QuarryError `invalid_request` for too many of them, or for a collection, which is indexed already
 */
export function indexVariants(options: VariantOptions): readonly IndexVariant[] {
  const { collection, policy, k1, b, analyzer, chunkTokens } = options
  const now = { name: 'as it is', policy }
  const asked = { k1, b, analyzer, 'chunk tokens': chunkTokens }
  if (Object.values(asked).every((values) => values === undefined)) return [now]
  if (collection !== undefined)
    throw new QuarryError(
      'invalid_request',
      'a collection stays indexed as it is: try --k1, --b, --analyzer and --chunk-tokens on a set with documents of its own',
    )
  const others = combinations(asked).map((choice) => ({
    name: Object.entries(choice)
      .map(([key, value]) => `${key} ${value}`)
      .join(', '),
    policy: changed(policy, choice),
  }))
  if (others.length < VARIANTS_MAX) return [now, ...others]
  throw new QuarryError(
    'invalid_request',
    `${others.length} ways of indexing are too many for one run: at most ${VARIANTS_MAX - 1}`,
  )
}

function combinations(
  values: Readonly<Record<string, readonly unknown[] | undefined>>,
): readonly Readonly<Record<string, unknown>>[] {
  let made: Readonly<Record<string, unknown>>[] = [{}]
  for (const [key, list] of Object.entries(values))
    if (list !== undefined)
      made = made.flatMap((before) => list.map((value) => ({ ...before, [key]: value })))
  return made
}

function changed(policy: IndexVariant['policy'], choice: Readonly<Record<string, unknown>>) {
  const { 'chunk tokens': tokens, ...lexical } = choice
  return {
    ...policy,
    lexical: { ...asObject(policy['lexical']), ...lexical },
    ...(tokens === undefined
      ? {}
      : { chunker: { ...asObject(policy['chunker']), tokens_max: tokens } }),
  }
}

function asObject(value: unknown): object {
  return typeof value === 'object' && value !== null ? value : {}
}
