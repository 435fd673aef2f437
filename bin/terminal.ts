import { styleText } from 'node:util'

type Style = Parameters<typeof styleText>[0]

/** Colour where the output is a terminal and NO_COLOR is unset; plain text elsewhere. */
export function paint(style: Style, text: string): string {
  const coloured = process.stdout.isTTY && process.env['NO_COLOR'] === undefined
  return coloured ? styleText(style, text) : text
}

export function widthOfTerminal(): number {
  return Math.min(process.stdout.columns ?? 100, 110)
}

/** One line on standard error that is drawn over while work goes on; silent where nobody watches. */
export class ProgressLine {
  readonly #startedMs = performance.now()
  readonly #unit: string
  #drawnMs = 0

  constructor(unit: string) {
    this.#unit = unit
  }

  draw(done: number, total: number, note = ''): void {
    const now = performance.now()
    if (!process.stderr.isTTY || (now - this.#drawnMs < 100 && done < total)) return
    this.#drawnMs = now
    const seconds = (now - this.#startedMs) / 1000
    const rate = seconds > 0 ? done / seconds : 0
    const left = rate > 0 ? duration((total - done) / rate) : '…'
    const share = total > 0 ? done / total : 0
    const filled = Math.round(share * 24)
    const bar = '█'.repeat(filled) + '░'.repeat(24 - filled)
    const line = `${bar} ${done}/${total} ${this.#unit}  ${rate.toFixed(0)}/s  ${left} left ${note}`
    process.stderr.write(`\r${line.slice(0, (process.stderr.columns ?? 100) - 1)}\u001b[K`)
  }

  clear(): void {
    if (process.stderr.isTTY) process.stderr.write('\r\u001b[K')
  }

  get seconds(): number {
    return (performance.now() - this.#startedMs) / 1000
  }
}

export function duration(seconds: number): string {
  if (seconds < 60) return `${Math.ceil(seconds)} s`
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ${Math.round(seconds % 60)} s`
  return `${Math.floor(seconds / 3600)} h ${Math.round((seconds % 3600) / 60)} min`
}

/** Words of a text put into lines no longer than `width`, each after the same indent. */
export function wrap(text: string, width: number, indent: string): string {
  const lines: string[] = []
  let line = ''
  for (const word of text.replaceAll(/\s+/g, ' ').trim().split(' ')) {
    if (line !== '' && line.length + word.length + 1 > width - indent.length) {
      lines.push(indent + line)
      line = word
    } else line = line === '' ? word : `${line} ${word}`
  }
  if (line !== '') lines.push(indent + line)
  return lines.join('\n')
}

/** Rows in columns as wide as their widest cell. */
export function table(rows: readonly (readonly string[])[]): string {
  const widths: number[] = []
  for (const row of rows)
    for (const [column, cell] of row.entries())
      widths[column] = Math.max(widths[column] ?? 0, cell.length)
  return rows
    .map((row) =>
      row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n')
}
