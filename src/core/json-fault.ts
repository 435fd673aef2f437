const LITERAL = /(?:-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null)(?![\w.])/y
const MARKS = '{}[],:'

/**
 * What `JSON.parse` did not like about a text and where, without quoting the text: it may hold secrets.
 * @param cause what `JSON.parse` threw
 */
export function jsonFault(text: string, cause: unknown): string {
  const message = String(cause)
  if (/Unexpected end of JSON|Unterminated string/.test(message)) return 'it ends too early'
  const told = /position (\d+)/.exec(message)?.[1]
  const position = told === undefined ? misplacedToken(text) : Number(told)
  if (position >= text.length) return 'it ends too early'
  const before = text.slice(0, position)
  const line = before.split('\n').length
  return `unexpected character at line ${line}, column ${before.length - before.lastIndexOf('\n')}`
}

/** V8 names a position for every fault but one: something else where a value has to begin. */
function misplacedToken(text: string): number {
  let previous = ','
  let at = 0
  while (at < text.length) {
    const character = text.charAt(at)
    if (/\s/.test(character)) {
      at += 1
      continue
    }
    const end = endOfToken(text, at)
    if (end === null || (isMark(character) && !mayFollow(previous, character))) return at
    previous = character
    at = end
  }
  return at
}

function endOfToken(text: string, at: number): number | null {
  const character = text.charAt(at)
  if (MARKS.includes(character)) return at + 1
  if (character === '"') return endOfString(text, at)
  const literal = new RegExp(LITERAL)
  literal.lastIndex = at
  return literal.test(text) ? literal.lastIndex : null
}

function endOfString(text: string, start: number): number {
  let at = start + 1
  while (at < text.length && text.charAt(at) !== '"') at += text.charAt(at) === '\\' ? 2 : 1
  return at + 1
}

/** Marks that end or join: a value can't begin with one. */
function isMark(character: string): boolean {
  return character === ',' || character === ':' || character === '}' || character === ']'
}

function mayFollow(previous: string, mark: string): boolean {
  if (previous === '[') return mark === ']'
  if (previous === '{') return mark === '}'
  return previous !== ',' && previous !== ':'
}
