/** Remembers what was made of an object for as long as the object lives. */
export function oncePer<Key extends object, T>(work: (key: Key) => T): (key: Key) => T {
  const done = new WeakMap<Key, { readonly result: T }>()
  return (key) => {
    const known = done.get(key)
    if (known !== undefined) return known.result
    const result = work(key)
    done.set(key, { result })
    return result
  }
}
