import type { ParsedDocument } from '../document.ts'
import { type JsonNode, readJson } from './json-reader.ts'
import {
  blockWriter,
  cleanTitle,
  type ParseCaps,
  refuseDepth,
  refuseLongOutput,
  unparsable,
} from './parsed.ts'
import { linesOf } from './text.ts'

/**
 * JSON as lines that read: `key › key: value`, each key a word of its own for search, which a dot would join to one.
 * Each object of an array is a block of its own, so items need no index.
 */
export function parseJson(text: string, caps: ParseCaps): ParsedDocument {
  const root = readJson(text, caps, (fault) => unparsable(`is not valid JSON: ${fault}`))
  const writer = blockWriter(caps)
  flatten(root, caps, (block) => writer.add('paragraph', block))
  return writer.finish(titleOf(root), {})
}

/** One JSON value a line, each a block; blank lines are skipped, a bad one fails the document with its number. */
export function parseJsonLines(text: string, caps: ParseCaps): ParsedDocument {
  const writer = blockWriter(caps)
  let number = 0
  for (const { start, end } of linesOf(text)) {
    number += 1
    if (end - start > caps.lineChars) {
      throw unparsable(
        `has ${end - start} characters in line ${number}; a line may have ${caps.lineChars}`,
      )
    }
    const line = text.slice(start, end)
    if (line.trim() === '') continue
    const root = readJson(line, caps, (fault) =>
      unparsable(`is not valid JSON in line ${number}: ${fault}`),
    )
    const records: string[] = []
    flatten(root, caps, (block) => records.push(block))
    writer.add('paragraph', records.join('\n'))
  }
  return writer.finish(null, {})
}

function titleOf(root: JsonNode): string | null {
  if (root === null || root.kind !== 'object') return null
  const title = root.entries.find(([key]) => key === 'title')?.[1]
  return title?.kind === 'scalar' ? cleanTitle(title.text) : null
}

type Emit = (block: string) => void

function flatten(root: JsonNode, caps: ParseCaps, emit: Emit): void {
  const flattener = new Flattener(caps, emit)
  flattener.visit(root, '', 0)
  flattener.flush()
}

class Flattener {
  readonly #caps: ParseCaps
  readonly #emit: Emit
  #lines: string[] = []
  #chars = 0

  constructor(caps: ParseCaps, emit: Emit) {
    this.#caps = caps
    this.#emit = emit
  }

  flush(): void {
    if (this.#lines.length > 0) this.#emit(this.#lines.join('\n'))
    this.#lines = []
  }

  visit(node: JsonNode, path: string, depth: number): void {
    refuseDepth(depth, this.#caps, 'JSON')
    if (node === null) return
    if (node.kind === 'scalar') this.#write(path, node.text)
    else if (node.kind === 'array') this.#visitItems(node.items, path, depth)
    else {
      for (const [key, value] of node.entries) {
        this.visit(value, path === '' ? key : `${path} › ${key}`, depth + 1)
      }
    }
  }

  #visitItems(items: readonly JsonNode[], path: string, depth: number): void {
    const scalars = items.filter((item) => item?.kind === 'scalar')
    if (scalars.length === items.length) {
      if (items.length > 0) this.#write(path, scalars.map(({ text }) => text).join(', '))
      return
    }
    for (const item of items) {
      const apart = item?.kind === 'object'
      if (apart) this.flush()
      this.visit(item, path, depth + 1)
      if (apart) this.flush()
    }
  }

  /** Paths repeat on every line, so what is written may far outgrow what was read. */
  #write(path: string, value: string): void {
    this.#chars += path.length + value.length + 3
    refuseLongOutput(this.#chars, this.#caps)
    this.#lines.push(path === '' ? value : `${path}: ${value}`)
  }
}
