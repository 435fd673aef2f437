/** The text of one block as it comes in, piece by piece. */
export interface InlineText {
  /** Adds text whose white space collapses. */
  append(text: string): void
  verbatim(text: string): void
  breakLine(): void
  /** Begins a list item on a line of its own; what comes next stands behind its marker. */
  item(marker: string): void
  /** Begins a table cell, parted from the one before in its row. */
  cell(): void
  /** Without white space at line ends. */
  clean(): string
  raw(): string
}

export function inlineText(): InlineText {
  const parts: string[] = []
  // What a line begins with counts as a line break, so that nothing breaks away from a list marker.
  let last = '\n'
  let marked = false
  const push = (text: string): void => {
    if (text === '') return
    marked = false
    parts.push(text)
    last = text.charAt(text.length - 1)
  }
  return {
    append(text) {
      const collapsed = text.replace(/\s+/g, ' ')
      push(last === ' ' || last === '\n' ? collapsed.replace(/^ /, '') : collapsed)
    },
    verbatim: push,
    breakLine() {
      if (last !== '\n') push('\n')
    },
    item(marker) {
      if (marked || last !== '\n') push('\n')
      push(marker)
      last = '\n'
      marked = true
    },
    cell() {
      if (last !== '\n') push(last === ' ' ? '| ' : ' | ')
    },
    clean() {
      const lines = parts.join('').split('\n')
      return lines.map((line) => line.trimEnd()).join('\n')
    },
    raw: () => parts.join(''),
  }
}
