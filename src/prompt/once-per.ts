/** Remembers what was made of each object, for as long as the answer is kept: as long as one prompt takes. */
export function oncePer<Key extends object, T extends object | string>(
  work: (key: Key) => T,
): (key: Key) => T {
  // No WeakMap: what it holds would outlive the young generation, some 35 kB a prompt.
  const done = new Map<Key, T>()
  return (key) => {
    const known = done.get(key)
    if (known !== undefined) return known
    const result = work(key)
    done.set(key, result)
    return result
  }
}
