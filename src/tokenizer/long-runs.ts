/** Longest run of letters, of punctuation or of white space that is counted in one piece. */
const RUN_MAX = 256

const LETTER = 1
const PUNCTUATION = 2
const LINE_BREAK_OR_SLASH = 4
const SPACE = 8
const CLASSES = 4

/**
 * Byte-pair encoders take quadratic time on one long word, and whatever their pattern matches as a unit is a word to
 * them: 200 kB of `a`, of `-`, of spaces or of `\n/`. Such a run is cut every 256 characters, never inside a
 * surrogate pair; text without one comes back whole, so its count is exact. Linear in the text.
 */
export function cutLongRuns(text: string): readonly string[] {
  if (text.length < RUN_MAX) return [text]
  const cuts = longRunCuts(text)
  if (cuts.length === 0) return [text]
  return [0, ...cuts].map((start, index) => text.slice(start, cuts[index] ?? text.length))
}

function longRunCuts(text: string): number[] {
  const classes = unitClasses()
  const cuts: number[] = []
  // The length so far of the run of each class, one bit of the class table each.
  const runs = new Uint32Array(CLASSES)
  for (let i = 0; i < text.length; i += 1) {
    const unit = text.charCodeAt(i)
    if (!lengthen(runs, classes[unit] ?? 0)) continue
    cuts.push(isHighSurrogate(unit) ? i : i + 1)
    runs.fill(0)
  }
  return cuts.at(-1) === text.length ? cuts.slice(0, -1) : cuts
}

/** Whether a run has reached its longest. */
function lengthen(runs: Uint32Array, kind: number): boolean {
  let long = false
  for (let bit = 0; bit < CLASSES; bit += 1) {
    const length = ((kind >> bit) & 1) * ((runs[bit] ?? 0) + 1)
    runs[bit] = length
    if (length >= RUN_MAX) long = true
  }
  return long
}

function isHighSurrogate(unit: number): boolean {
  return unit >= 0xd800 && unit <= 0xdbff
}

/** Makes the class table, some 20 ms of work, so that no count has to. */
export function prepareRuns(): void {
  unitClasses()
}

let table: Uint8Array | undefined

/** By UTF-16 unit, which of the encoder's repeated classes it can be in; a surrogate may be a letter or a mark. */
function unitClasses(): Uint8Array {
  if (table !== undefined) return table
  table = new Uint8Array(0x10000)
  for (let unit = 0; unit < table.length; unit += 1) table[unit] = classOf(unit)
  return table
}

function classOf(unit: number): number {
  if (unit >= 0xd800 && unit <= 0xdfff) return LETTER | PUNCTUATION
  const character = String.fromCharCode(unit)
  return (
    (/[\p{L}\p{M}]/u.test(character) ? LETTER : 0) |
    (/[^\s\p{L}\p{N}]/u.test(character) ? PUNCTUATION : 0) |
    (/[\r\n/]/.test(character) ? LINE_BREAK_OR_SLASH : 0) |
    (/\s/.test(character) ? SPACE : 0)
  )
}
