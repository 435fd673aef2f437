import { expect } from 'vitest'
import { QuarryError } from '../../../src/core/errors.ts'
import type { DenseSpec } from '../../../src/core/vector-store.ts'
import {
  type Bench,
  everyCall,
  type FaultKind,
  refOf,
  ruleOn,
  type StoreFaults,
  type VectorStoreSubject,
} from '../bench.ts'
import { corpusOf, DIMENSIONS, idsOf, listAll, never, scopeOf } from '../fixture.ts'
import { type Rule, rejection, settles } from '../rule.ts'

/** Stopping when told to, and saying truthfully that the store's own machinery failed. */
export function failingRules(subject: VectorStoreSubject): Rule[] {
  const rule = (title: string, check: (bench: Bench) => Promise<void>): Rule =>
    ruleOn(subject, title, check)
  return [
    rule('a call that is aborted before it starts rejects and does nothing', async (bench) => {
      const { store, alice } = bench
      await store.upsert(alice, corpusOf(5), never)
      const aborted = AbortSignal.abort(new QuarryError('deadline_exceeded', 'too late'))
      for (const [name, call] of everyCall(store, alice, aborted))
        expect([name, await settles(rejection(call()))]).toEqual([name, expect.any(Error)])
      expect(await listAll(store, alice)).toEqual(idsOf(corpusOf(5)))
    }),
    rule('a call that is aborted under way settles', async ({ store, alice }) => {
      await store.upsert(alice, corpusOf(2_000), never)
      for (const name of everyCall(store, alice, never).keys()) {
        const controller = new AbortController()
        const running = everyCall(store, alice, controller.signal).get(name)?.()
        controller.abort(new QuarryError('deadline_exceeded', 'enough'))
        const error = await settles(rejection(running ?? Promise.resolve()))
        if (error !== undefined) expect(error).toBeInstanceOf(Error)
      }
      expect((await listAll(store, alice)).length).toBeLessThanOrEqual(2_001)
    }),
    rule('what an aborted write leaves behind is mended by writing again', async (bench) => {
      const { store, alice } = bench
      const controller = new AbortController()
      const write = rejection(store.upsert(alice, corpusOf(1_500), controller.signal))
      controller.abort()
      await settles(write)
      await store.upsert(alice, corpusOf(1_500), never)
      expect(await listAll(store, alice)).toEqual(idsOf(corpusOf(1_500)))
    }),
    upstreamRule(subject),
    hangRule(subject),
  ]
}

/** In-process stores have nothing outside that could fail; a shared one must show what it does. */
function upstreamRule(subject: VectorStoreSubject): Rule {
  const title = 'trouble of the store itself is a retryable error, for every call'
  return ruleOn(subject, title, async ({ store }) => {
    if (subject.faults === undefined) {
      expect(store.capabilities.residence, 'a shared store needs `faults`').toBe('process')
      return
    }
    for (const kind of subject.faults.kinds.filter((other) => other !== 'hang'))
      await eachCallBroken(subject.faults, kind, async (name, call) => {
        const error = await settles(rejection(call(never)), 20_000)
        expect(error, `${name}, ${kind}`).toBeInstanceOf(QuarryError)
        expect(error, `${name}, ${kind}`).toMatchObject({ retryable: true })
      })
  })
}

function hangRule(subject: VectorStoreSubject): Rule {
  const title = 'an abort ends every call even when the store never answers'
  return ruleOn(subject, title, async () => {
    const { faults } = subject
    if (!faults?.kinds.includes('hang')) return
    await eachCallBroken(faults, 'hang', async (name, call) => {
      const controller = new AbortController()
      const reason = new QuarryError('deadline_exceeded', 'enough')
      setTimeout(() => controller.abort(reason), 20)
      expect(await settles(rejection(call(controller.signal))), name).toBeInstanceOf(Error)
    })
  })
}

async function eachCallBroken(
  faults: StoreFaults,
  kind: FaultKind,
  check: (name: string, call: (signal: AbortSignal) => Promise<unknown>) => Promise<void>,
): Promise<void> {
  const { store, fail } = await faults.open()
  const scope = scopeOf('alice', `broken-${kind}`)
  const dense: DenseSpec = { dimensions: DIMENSIONS, metric: 'cosine', algorithm: { kind: 'flat' } }
  try {
    await store.createIndex(refOf(scope), { dense, lexical: null }, never)
    await store.upsert(scope, corpusOf(3), never)
    await fail(kind)
    await check('checkHealth', (signal) => store.checkHealth(signal))
    for (const name of everyCall(store, scope, never).keys())
      await check(name, async (signal) => everyCall(store, scope, signal).get(name)?.())
  } finally {
    await store.close()
  }
}
