import { QuarryError } from '../../../../src/core/errors.ts'
import type { BlockReader, Blocks } from '../blocks.ts'

/** Code units of strings one after another: bytes where all fit, which is as good as ASCII but for the length. */
type Units = Uint8Array | Uint16Array

/** Strings under the numbers of their order, compared as JavaScript does: by UTF-16 code units. */
export interface Strings {
  readonly count: number
  at(index: number): string
  equals(index: number, text: string): boolean
  /** Below 0 where the string comes before `text`, above 0 where it comes after. */
  compareTo(index: number, text: string): number
  /** The same between two of the table. */
  compare(index: number, other: number): number
}

/** Blocks `<name>_starts`, and `<name>_bytes` or `<name>_units`: whichever is narrower. */
export function buildStrings(name: string, strings: readonly string[]): Blocks {
  const starts = new Uint32Array(strings.length + 1)
  let length = 0
  let widest = 0
  for (let i = 0; i < strings.length; i++) {
    const text = strings[i] as string
    for (let at = 0; at < text.length; at++) widest |= text.charCodeAt(at)
    length += text.length
    starts[i + 1] = length
  }
  if (length > 0xffffffff) throw new QuarryError('internal', `${length} code units of ${name}`)
  const units = widest > 0xff ? new Uint16Array(length) : new Uint8Array(length)
  let to = 0
  for (const text of strings)
    for (let at = 0; at < text.length; at++) units[to++] = text.charCodeAt(at)
  return { [`${name}_starts`]: starts, [`${name}_${widest > 0xff ? 'units' : 'bytes'}`]: units }
}

/** @throws QuarryError `internal` where the table does not hold `count` strings */
export function openStrings(name: string, blocks: BlockReader, count: number): Strings {
  const starts = blocks.u32(`${name}_starts`)
  const isNarrow = blocks.has(`${name}_bytes`)
  const units: Units = isNarrow ? blocks.u8(`${name}_bytes`) : blocks.u16(`${name}_units`)
  if (starts.length !== count + 1 || starts[0] !== 0 || starts[count] !== units.length)
    throw new QuarryError('internal', `the table ${name} does not hold ${count} strings`)
  const text = Buffer.from(units.buffer, units.byteOffset, units.byteLength)
  const encoding = isNarrow ? 'latin1' : 'utf16le'
  const unitBytes = units.BYTES_PER_ELEMENT
  return {
    count,
    at: (index) => {
      const from = (starts[index] ?? 0) * unitBytes
      return text.toString(encoding, from, (starts[index + 1] ?? 0) * unitBytes)
    },
    equals: (index, wanted) => equals(starts, units, index, wanted),
    compareTo: (index, wanted) => compareTo(starts, units, index, wanted),
    compare: (index, other) => compare(starts, units, index, other),
  }
}

function equals(starts: Uint32Array, units: Units, index: number, text: string): boolean {
  const from = starts[index] as number
  if ((starts[index + 1] as number) - from !== text.length) return false
  for (let at = 0; at < text.length; at++)
    if (units[from + at] !== text.charCodeAt(at)) return false
  return true
}

function compareTo(starts: Uint32Array, units: Units, index: number, text: string): number {
  const from = starts[index] as number
  const length = (starts[index + 1] as number) - from
  for (let at = 0; at < length && at < text.length; at++) {
    const difference = (units[from + at] as number) - text.charCodeAt(at)
    if (difference !== 0) return difference
  }
  return length - text.length
}

function compare(starts: Uint32Array, units: Units, index: number, other: number): number {
  const from = starts[index] as number
  const otherFrom = starts[other] as number
  const length = (starts[index + 1] as number) - from
  const otherLength = (starts[other + 1] as number) - otherFrom
  for (let at = 0; at < length && at < otherLength; at++) {
    const difference = (units[from + at] as number) - (units[otherFrom + at] as number)
    if (difference !== 0) return difference
  }
  return length - otherLength
}
