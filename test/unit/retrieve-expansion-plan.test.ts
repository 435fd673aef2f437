import { describe, expect, it } from 'vitest'
import { collectionPolicySchema } from '../../src/catalog/policy.ts'
import { planExpansion } from '../../src/retrieve/plan-expansion.ts'
import type { Degradation, RetrieveRequest } from '../../src/retrieve/request.ts'
import { generatorOf, request } from '../support/retrieval.ts'

const writer = generatorOf('x')
const other = generatorOf('y')
const generators = new Map([
  ['writer', writer],
  ['other', other],
])

function plan(
  queryExpansion: object | null,
  asked: RetrieveRequest['queryExpansion'],
  hasDense = true,
) {
  const policy = collectionPolicySchema.parse({ embedder: 'small', queryExpansion })
  const refused: Degradation[] = []
  const made = planExpansion(
    policy,
    request({ queryExpansion: asked }),
    hasDense,
    generators,
    (degradation) => {
      refused.push(degradation)
      return null
    },
  )
  return { made, refused }
}

const multi = { method: 'multi_query', generator: 'writer' } as const
const hyde = { method: 'hyde', generator: 'writer' } as const

describe('the plan of an expansion', () => {
  it('is none unless the policy or the request asks for one', () => {
    expect(plan(null, undefined).made).toBeNull()
    expect(plan(null, null).made).toBeNull()
  })
  it('is the policy’s, with its defaults', () => {
    const expected = { name: 'writer', generator: writer, method: 'multi_query', queries: 3 }
    expect(plan(multi, undefined).made).toEqual({ ...expected, weight: 0.5 })
    expect(plan(hyde, undefined).made).toMatchObject({ method: 'hyde', queries: 1 })
  })
  it('is turned off by a request’s null', () => {
    expect(plan(multi, null).made).toBeNull()
  })
  it('takes the request’s word over the policy’s, field by field', () => {
    const asked = { generator: 'other', queries: 2 }
    const made = plan({ ...multi, weight: 0.9 }, asked).made
    expect(made).toMatchObject({ method: 'multi_query', queries: 2, weight: 0.9 })
    expect(made?.generator).toBe(other)
  })
  it('does not take the number of one method for another', () => {
    expect(plan({ ...multi, queries: 8 }, { method: 'hyde' }).made).toMatchObject({ queries: 1 })
    expect(plan({ ...multi, queries: 8 }, {}).made).toMatchObject({ queries: 8 })
  })
  it.each([
    [{ generator: 'writer' }, 'method'],
    [{ method: 'hyde' as const }, 'generator'],
  ])('needs all of it where the policy has nothing: %j', (asked, missing) => {
    expect(() => plan(null, asked)).toThrow(`needs a ${missing}`)
  })
  it('refuses a request’s unknown generator, and goes without the policy’s', () => {
    expect(() => plan(null, { ...multi, generator: 'gone' })).toThrow('"writer", "other"')
    const { made, refused } = plan({ ...multi, generator: 'gone' }, undefined)
    expect(made).toBeNull()
    expect(refused).toMatchObject([{ stage: 'rewrite', fallback: 'plain_query' }])
  })
  it('has no use for hyde without a dense leg', () => {
    expect(plan(hyde, undefined, false).made).toBeNull()
    expect(() => plan(null, hyde, false)).toThrow('hyde')
    expect(plan(multi, undefined, false).made).not.toBeNull()
  })
})
