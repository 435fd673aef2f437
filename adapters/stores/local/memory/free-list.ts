import { QuarryError } from '../../../../src/core/errors.ts'

interface Gap {
  start: number
  end: number
}

/** Hands out ranges of a space that grows at its end: the first gap that is wide enough, gaps beside one another joined. */
export class FreeList {
  readonly #gaps: Gap[] = []
  readonly #taken = new Map<number, number>()
  #end: number

  constructor(start: number) {
    this.#end = start
  }

  /** Where the last taken range ends. */
  get end(): number {
    return this.#end
  }

  /** Null where no gap is wide enough and the space would end beyond `endMax`. */
  take(bytes: number, endMax: number): number | null {
    const at = this.#gaps.findIndex(({ start, end }) => end - start >= bytes)
    const gap = this.#gaps[at]
    if (gap !== undefined) {
      const { start } = gap
      gap.start += bytes
      if (gap.start === gap.end) this.#gaps.splice(at, 1)
      this.#taken.set(start, bytes)
      return start
    }
    const start = this.#end
    if (start + bytes > endMax) return null
    this.#end += bytes
    this.#taken.set(start, bytes)
    return start
  }

  give(start: number): void {
    const bytes = this.#taken.get(start)
    if (bytes === undefined) throw new QuarryError('internal', `nothing was taken at ${start}`)
    this.#taken.delete(start)
    const end = start + bytes
    const next = this.#gaps.findIndex((gap) => gap.start >= end)
    const at = next < 0 ? this.#gaps.length : next
    this.#gaps.splice(at, 0, { start, end })
    this.#join(at)
    this.#join(at - 1)
    const last = this.#gaps.at(-1)
    if (last?.end === this.#end) {
      this.#end = last.start
      this.#gaps.pop()
    }
  }

  /** Makes one gap of that at `at` and the next, where they touch. */
  #join(at: number): void {
    const gap = this.#gaps[at]
    const next = this.#gaps[at + 1]
    if (gap === undefined || next === undefined || gap.end !== next.start) return
    gap.end = next.end
    this.#gaps.splice(at + 1, 1)
  }
}
