/** The last place of an ascending list whose number is not above `wanted`; -1 where all are. */
export function lastUpTo(list: Int32Array | Uint32Array | Float32Array, wanted: number): number {
  let low = 0
  let high = list.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if ((list[middle] as number) <= wanted) low = middle + 1
    else high = middle
  }
  return low - 1
}
