export interface Afterwards {
  /** In the order of the calls, once what runs now has given the event loop back. */
  add(work: () => void): void
  /** Does at once what is still to be done. */
  flush(): void
}

export function openAfterwards(): Afterwards {
  let waiting: (() => void)[] = []
  const flush = (): void => {
    const works = waiting
    waiting = []
    for (const work of works) work()
  }
  return {
    add(work) {
      if (waiting.length === 0) setImmediate(flush)
      waiting.push(work)
    },
    flush,
  }
}
