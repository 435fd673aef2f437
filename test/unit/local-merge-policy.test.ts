import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  chooseMerge,
  chooseQuietMerge,
  type MergeCandidate,
  QUIETS,
} from '../../adapters/stores/local/engine/merge-policy.ts'

const GIB = 2 ** 30
const segment = (bytes: number): MergeCandidate => ({ rows: bytes / 100, deadCount: 0, bytes })
const sizes = (segments: readonly MergeCandidate[]): number[] => segments.map(({ bytes }) => bytes)

const chooseAtRest = (segments: readonly MergeCandidate[]): readonly MergeCandidate[] =>
  chooseQuietMerge(segments, 0.5)

/** What stays, in the end, of segments that are merged as the policy says; and the bytes written for it. */
function settle(
  segments: readonly MergeCandidate[],
  choose: typeof chooseAtRest,
): { readonly left: MergeCandidate[]; readonly written: number } {
  let left = [...segments]
  let written = 0
  for (let chosen = choose(left); chosen.length > 0; chosen = choose(left)) {
    const merged = segment(chosen.reduce((sum, { bytes }) => sum + bytes, 0))
    left = [...left.filter((each) => !chosen.includes(each)), merged]
    written += merged.bytes
  }
  return { left, written }
}

describe('merging in quiet', () => {
  it('makes one segment of what a bulk load leaves', () => {
    const loaded = [64, 64, 64, 16, 16, 16, 4, 4, 1].map((mib) => segment(mib * 2 ** 20))
    expect(chooseMerge(loaded)).toEqual([])
    expect(settle(loaded, chooseAtRest).left).toHaveLength(1)
  })

  it('leaves a large segment alone for a few new rows', () => {
    expect(chooseAtRest([segment(GIB), segment(2 ** 20)])).toEqual([])
    expect(sizes(chooseAtRest([segment(GIB), segment(100), segment(90)]))).toEqual([90, 100])
  })

  it('goes further the longer the quiet lasts', () => {
    const left = [100, 30, 10, 3].map((mib) => segment(mib * 2 ** 20))
    const [short, long] = QUIETS
    expect(chooseQuietMerge(left, short?.shareMin ?? 0)).toEqual([])
    expect(chooseQuietMerge(left, long?.shareMin ?? 0)).toHaveLength(4)
    expect(short?.afterMs).toBeLessThan(long?.afterMs ?? 0)
  })

  it('makes none that is too large to be merged again', () => {
    const { left } = settle([GIB, GIB, GIB, GIB].map(segment), chooseAtRest)
    expect(sizes(left).sort((a, b) => a - b)).toEqual([GIB, 3 * GIB])
  })

  it('ends, with each segment less than half of the next, and writes a row seldom enough', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 1000 }), { maxLength: 300 }), (arrivals) => {
        let stored: MergeCandidate[] = []
        let written = 0
        for (const bytes of arrivals) {
          const settled = settle([...stored, segment(bytes)], chooseAtRest)
          stored = settled.left
          written += settled.written
        }
        const rising = sizes(stored).sort((a, b) => a - b)
        let before = 0
        for (const bytes of rising) {
          if (before > 0) expect(before).toBeLessThan(bytes / 2)
          before += bytes
        }
        const total = arrivals.reduce((sum, bytes) => sum + bytes, 0)
        const doublings = Math.log2(Math.max(2, total))
        expect(written).toBeLessThanOrEqual(total * 3 * doublings)
      }),
      { seed: 20261121 },
    )
  })
})
