import { z } from 'zod'
import { QuarryError } from '../../core/errors.ts'
import { checkFilter, type Filter, instantOf } from '../../core/filter.ts'
import { LIMITS, type Limits } from '../../core/limits.ts'
import { refuse } from '../validate.ts'
import { text } from './common.ts'

const field = text.min(1).max(LIMITS.metadataKeyChars.max)
const scalar = z.union([text, z.number(), z.boolean()], {
  error: 'must be a string, a number or a boolean',
})
const bound = z.union(
  [
    z.number(),
    z.string().refine((value) => instantOf(value) !== undefined, {
      error: 'must be an RFC 3339 date or time with an offset',
    }),
  ],
  { error: 'must be a number or an RFC 3339 date or time with an offset' },
)

const condition = z.discriminatedUnion('op', [
  z.strictObject({ field, op: z.enum(['eq', 'ne']), value: scalar }),
  z.strictObject({
    field,
    op: z.enum(['in', 'nin']),
    values: z.array(scalar).max(LIMITS.filterValues.max),
  }),
  z.strictObject({ field, op: z.enum(['gt', 'gte', 'lt', 'lte']), value: bound }),
  z.strictObject({ field, op: z.literal('exists') }),
])

type Condition = z.infer<typeof condition>

export interface FilterGroup {
  must?: FilterNode[] | undefined
  must_not?: FilterNode[] | undefined
  should?: FilterNode[] | undefined
}

export type FilterNode = Condition | FilterGroup

export const filterNode: z.ZodType<FilterNode> = z.lazy(() => z.union([condition, nestedGroup]))

const nodes = (about: string) =>
  z.array(filterNode).max(LIMITS.filterConditions.max).optional().describe(about)

/** Made anew for each use: the API document names what is shared within a cycle by itself. */
const groupShape = () => ({
  must: nodes('All of these hold'),
  must_not: nodes('None of these holds'),
  should: nodes('At least one of these holds'),
})

/** What has an `op` or a `field` is meant as a condition, and its faults are told as such. */
const nestedGroup = z.strictObject({
  ...groupShape(),
  op: z.never().optional(),
  field: z.never().optional(),
})

export const filterGroup: z.ZodType<FilterGroup> = z
  .strictObject(groupShape())
  .describe(
    'Conditions on metadata and on the reserved field `document_id`, and nested groups of them. ' +
      'On an array, `eq`, `in` and the ranges ask whether some element fits.',
  )

type FilterLimits = Pick<Limits, 'filterDepth' | 'filterConditions' | 'filterValues'>

/** The one filter language of the core, within the limits in force; undefined when nothing is asked. */
export function toFilter(group: FilterGroup | undefined, limits: FilterLimits): Filter | undefined {
  if (group === undefined) return undefined
  const filter = groupFilter(group)
  if (filter.op === 'and' && filter.filters.length === 0) return undefined
  checkLimits(filter, limits)
  return filter
}

function nodeFilter(given: FilterNode): Filter {
  return 'op' in given ? given : groupFilter(given)
}

function groupFilter({ must = [], must_not = [], should = [] }: FilterGroup): Filter {
  const all: Filter[] = must.map(nodeFilter)
  for (const refused of must_not) all.push({ op: 'not', filter: nodeFilter(refused) })
  if (should.length > 0) all.push({ op: 'or', filters: should.map(nodeFilter) })
  const [only] = all
  return all.length === 1 && only !== undefined ? only : { op: 'and', filters: all }
}

function checkLimits(filter: Filter, limits: FilterLimits): void {
  try {
    checkFilter(filter, {
      depthMax: limits.filterDepth,
      conditionsMax: limits.filterConditions,
      valuesMax: limits.filterValues,
    })
  } catch (error) {
    if (!(error instanceof QuarryError)) throw error
    throw refuse([{ pointer: '/filter', detail: error.message }], 'body')
  }
}
