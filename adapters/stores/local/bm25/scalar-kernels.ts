import { isAllowed, type Views } from '../memory/views.ts'
import type { Bm25KernelFunctions } from './kernels.ts'

type Arguments<Name extends keyof Bm25KernelFunctions> = Parameters<Bm25KernelFunctions[Name]>

/** The kernels without SIMD. */
export function scalarBm25Kernels(views: () => Views): Bm25KernelFunctions {
  return {
    addPostings: (...given) => addPostings(views(), given),
    takeAbove: (...given) => takeAbove(views(), given),
  }
}

function addPostings({ u8, i32, u32 }: Views, given: Arguments<'addPostings'>): void {
  const [rows, impacts, count, weight, first, sums] = given
  const row = rows >>> 2
  const base = (sums >>> 2) - first
  for (let i = 0; i < count; i++) {
    const at = base + (u32[row + i] as number)
    i32[at] = (i32[at] as number) + Math.imul(weight, u8[impacts + i] as number)
  }
}

function takeAbove({ u16, i32, u32 }: Views, given: Arguments<'takeAbove'>): number {
  const [sums, count, cut, allowed, rows, bounds] = given
  let found = 0
  for (let row = 0; row < count; row++) {
    const at = (sums >>> 2) + row
    const sum = i32[at] as number
    i32[at] = 0
    if (sum <= cut || (allowed !== 0 && !isAllowed(u32, allowed, row))) continue
    u16[(rows >>> 1) + found] = row
    i32[(bounds >>> 2) + found] = sum
    found += 1
  }
  return found
}
