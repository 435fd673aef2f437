import { expect, it } from 'vitest'
import { runQuarry } from '../support/quarry-process.ts'

it('the demo answers its ten questions, at least nine with the right document first', async () => {
  const { code, stdout, stderr } = await runQuarry(['demo', '--json'], {})
  expect(stderr).toBe('')
  expect(code).toBe(0)
  const { ingested, questions } = JSON.parse(stdout)
  expect(ingested).toMatchObject({ failed: [], interrupted: false })
  expect(ingested.indexed).toBe(ingested.documents)
  expect(questions).toHaveLength(10)
  for (const { question, right_first, hits, degraded, timings_ms, prompt_tokens } of questions) {
    expect(question).toMatch(/\?$/)
    expect(typeof right_first).toBe('boolean')
    expect(hits.length, question).toBeGreaterThan(0)
    expect(degraded, question).toEqual([])
    expect(timings_ms.total).toBeGreaterThan(0)
    expect(prompt_tokens).toBeGreaterThan(0)
  }
  const right = questions.filter(({ right_first }: { right_first: boolean }) => right_first)
  expect(right.length).toBeGreaterThanOrEqual(9)
}, 120_000)
