import type { Span } from '../../src/core/model.ts'

/** The same characters without overlap, in order. */
export function union(spans: Iterable<Span>): readonly Span[] {
  const merged: { start: number; end: number }[] = []
  for (const { start, end } of [...spans].toSorted((a, b) => a.start - b.start)) {
    const last = merged.at(-1)
    if (last !== undefined && start <= last.end) last.end = Math.max(last.end, end)
    else merged.push({ start, end })
  }
  return merged
}

/** What two unions share. */
export function intersection(a: readonly Span[], b: readonly Span[]): readonly Span[] {
  const shared: Span[] = []
  for (let i = 0, j = 0; i < a.length && j < b.length; ) {
    const [one, other] = [a[i] as Span, b[j] as Span]
    const start = Math.max(one.start, other.start)
    const end = Math.min(one.end, other.end)
    if (start < end) shared.push({ start, end })
    if (one.end < other.end) i += 1
    else j += 1
  }
  return shared
}

/** Characters, those of overlapping spans as often as they are there. */
export function lengthOf(spans: Iterable<Span>): number {
  let length = 0
  for (const { start, end } of spans) length += end - start
  return length
}
