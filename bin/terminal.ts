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

export interface Progress {
  readonly done: number
  /** Of all the work, from 0 to 1; null while nobody knows how much there is. */
  readonly share: number | null
  readonly note?: string
  /** What is counted; documents by default. */
  readonly unit?: string
}

const DRAW_MS = 100
const BAR_CHARS = 24

/** One line on standard error that is drawn over while work goes on; silent where nobody watches. */
export class ProgressLine {
  readonly #startedMs = performance.now()
  #drawnMs = 0

  draw(progress: Progress): void {
    const now = performance.now()
    if (!process.stderr.isTTY || now - this.#drawnMs < DRAW_MS) return
    this.#drawnMs = now
    const line = progressText(progress, this.seconds)
    process.stderr.write(`\r${line.slice(0, (process.stderr.columns ?? 100) - 1)}\u001b[K`)
  }

  /** Says what is being done while nothing is counted. */
  note(text: string): void {
    const now = performance.now()
    if (!process.stderr.isTTY || now - this.#drawnMs < DRAW_MS) return
    this.#drawnMs = now
    process.stderr.write(`\r${text}\u001b[K`)
  }

  clear(): void {
    if (process.stderr.isTTY) process.stderr.write('\r\u001b[K')
  }

  get seconds(): number {
    return (performance.now() - this.#startedMs) / 1000
  }
}

/** `███░░░ 1200 documents  310/s  2 min 5 s left` */
export function progressText(
  { done, share, note = '', unit = 'documents' }: Progress,
  seconds: number,
): string {
  const rate = seconds > 0 ? done / seconds : 0
  const parts = [`${done} ${unit}`, `${rate.toFixed(0)}/s`]
  if (share !== null) {
    const filled = Math.round(Math.min(1, share) * BAR_CHARS)
    parts.unshift('█'.repeat(filled) + '░'.repeat(BAR_CHARS - filled))
    if (share > 0) parts.push(`${duration((seconds * (1 - share)) / share)} left`)
  }
  return [...parts, note].filter((part) => part !== '').join('  ')
}

export function duration(seconds: number): string {
  const whole = Math.ceil(seconds)
  if (whole < 60) return `${whole} s`
  const minutes = Math.floor(whole / 60)
  if (minutes < 60) return `${minutes} min ${whole % 60} s`
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`
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
