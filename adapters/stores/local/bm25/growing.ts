type Growing = Uint8Array | Uint32Array

/** The array, or a copy of at least twice its length where it has no room for `length` numbers. */
export function withRoom<T extends Growing>(array: T, length: number): T {
  if (array.length >= length) return array
  const Type = array.constructor as new (length: number) => T
  const larger = new Type(Math.max(length, array.length * 2))
  larger.set(array)
  return larger
}
