/** Hoare's selection: puts the `count` least of the first `length` numbers to the front, in no order. */
export function selectLeast(
  numbers: Float64Array,
  others: Int32Array | null,
  length: number,
  count: number,
): void {
  let low = 0
  let high = length - 1
  while (low < high) {
    const split = partition(numbers, others, low, high)
    if (count <= split) high = split - 1
    else low = split
  }
}

/** Puts numbers up to a pivot to the left of the others; answers where the right side begins. */
function partition(
  numbers: Float64Array,
  others: Int32Array | null,
  low: number,
  high: number,
): number {
  const pivot = numbers[(low + high) >> 1] as number
  let i = low
  let j = high
  for (;;) {
    while ((numbers[i] as number) < pivot) i++
    while ((numbers[j] as number) > pivot) j--
    if (i >= j) return i === j ? i + 1 : i
    swap(numbers, i, j)
    if (others !== null) swap(others, i, j)
    i++
    j--
  }
}

function swap(array: Float64Array | Int32Array, i: number, j: number): void {
  const kept = array[i] as number
  array[i] = array[j] as number
  array[j] = kept
}
