import type { ParsedDocument } from '../document.ts'
import { type InlineText, inlineText } from './inline-text.ts'
import {
  type BlockKind,
  type BlockWriter,
  blockWriter,
  cleanTitle,
  foundMetadata,
  type ParseCaps,
} from './parsed.ts'

const set = (names: string): ReadonlySet<string> => new Set(names.split(' '))

const SKIPPED = set(
  'script style nav footer svg template noscript iframe object canvas select button textarea datalist audio video',
)
const BLOCKS = set(
  'p div section article main header aside address figure figcaption details summary dl dt dd form fieldset body html center hr tbody thead tfoot caption',
)
const HEADING = /^h([1-6])$/
const LANGUAGE = /(?:^|\s)(?:language|lang|highlight-source)-([\w+#.-]{1,40})/

type Attributes = Readonly<Record<string, string>>

/** Turns a stream of tags into blocks: inline text gathers in a line, block tags end it. */
export class HtmlText {
  readonly #writer: BlockWriter
  readonly #found = new Map<string, string>()
  readonly #lists: { readonly ordered: boolean; items: number }[] = []
  #title: string | null = null
  #firstHeading: string | null = null
  #inTitle = false
  #skipping = 0
  #heads = 0
  #quotes = 0
  #tables = 0
  #pres = 0
  #heading = 0
  #language: string | undefined
  #line: InlineText = inlineText()

  constructor(caps: ParseCaps) {
    this.#writer = blockWriter(caps)
  }

  open(name: string, attributes: Attributes): void {
    if (name === 'html' && attributes['lang']) this.#found.set('lang', attributes['lang'])
    if (this.#skipping > 0 || SKIPPED.has(name) || isHidden(attributes)) this.#skipping += 1
    else if (name === 'head') this.#heads += 1
    else if (name === 'title') this.#inTitle = this.#title === null
    else if (name === 'meta') this.#readMeta(attributes)
    else if (this.#heads === 0) this.#openBody(name, attributes)
  }

  text(text: string): void {
    if (this.#skipping > 0) return
    if (this.#inTitle) this.#title = `${this.#title ?? ''}${text}`
    else if (this.#heads > 0) return
    else if (this.#pres > 0) this.#line.verbatim(text)
    else this.#line.append(text)
  }

  close(name: string): void {
    if (this.#skipping > 0) this.#skipping -= 1
    else if (name === 'head') this.#heads = Math.max(0, this.#heads - 1)
    else if (name === 'title') this.#inTitle = false
    else if (this.#heads === 0) this.#closeBody(name)
  }

  finish(): ParsedDocument {
    this.#flushText()
    const title = cleanTitle(this.#title) ?? this.#firstHeading
    return this.#writer.finish(title, foundMetadata(this.#found))
  }

  #readMeta(attributes: Attributes): void {
    const property = (attributes['name'] ?? attributes['property'] ?? '').toLowerCase()
    const content = (attributes['content'] ?? '').replace(/\s+/g, ' ').trim()
    if (property === 'description' || property === 'author') this.#found.set(property, content)
    if (property === 'og:description' && !this.#found.has('description')) {
      this.#found.set('description', content)
    }
  }

  readonly #openers: ReadonlyMap<string, (attributes: Attributes) => void> = new Map([
    ['ul', () => this.#openList(false)],
    ['ol', () => this.#openList(true)],
    ['li', () => this.#openItem()],
    ['pre', (attributes: Attributes) => this.#openPre(attributes)],
    ['code', (attributes: Attributes) => this.#openCode(attributes)],
    ['blockquote', () => this.#openQuote()],
    ['table', () => this.#openTable()],
    ['tr', () => (this.#tables > 1 ? this.#line.append(' ') : this.#line.breakLine())],
    ['td', () => this.#line.cell()],
    ['th', () => this.#line.cell()],
    ['br', () => (this.#tables > 0 ? this.#line.append(' ') : this.#line.breakLine())],
    ['img', (attributes: Attributes) => this.#line.append(` ${attributes['alt'] ?? ''} `)],
  ])

  readonly #closers: ReadonlyMap<string, () => void> = new Map([
    ['ul', () => this.#closeList()],
    ['ol', () => this.#closeList()],
    ['pre', () => this.#closePre()],
    ['blockquote', () => this.#closeQuote()],
    ['table', () => this.#closeTable()],
  ])

  #openBody(name: string, attributes: Attributes): void {
    const level = HEADING.exec(name)?.[1]
    if (level !== undefined) this.#openHeading(Number(level))
    else if (BLOCKS.has(name)) this.#breakBlock()
    else this.#openers.get(name)?.(attributes)
  }

  #closeBody(name: string): void {
    if (HEADING.test(name)) this.#closeHeading()
    else if (BLOCKS.has(name)) this.#breakBlock()
    else this.#closers.get(name)?.()
  }

  /** Within a list or a table, which are one block each whatever they hold. */
  #inside(): boolean {
    return this.#lists.length > 0 || this.#tables > 0
  }

  /** There a block tag ends a line, not a block. */
  #breakBlock(): void {
    if (this.#pres > 0 || this.#heading > 0) return
    if (this.#tables > 0) this.#line.append(' ')
    else if (this.#lists.length > 0) this.#line.breakLine()
    else this.#flushText()
  }

  #openList(ordered: boolean): void {
    if (this.#lists.length === 0) this.#breakBlock()
    this.#lists.push({ ordered, items: 0 })
  }

  #closeList(): void {
    this.#lists.pop()
    if (!this.#inside()) this.#flush('list')
  }

  #openItem(): void {
    const list = this.#lists.at(-1)
    if (list === undefined || this.#tables > 0) {
      this.#breakBlock()
      return
    }
    list.items += 1
    const indent = '  '.repeat(this.#lists.length - 1)
    this.#line.item(`${indent}${list.ordered ? `${list.items}.` : '-'} `)
  }

  #openPre(attributes: Attributes): void {
    this.#breakBlock()
    if (!this.#inside()) this.#pres += 1
    this.#language = languageOf(attributes)
  }

  #closePre(): void {
    if (this.#pres === 1) this.#flush('code')
    this.#pres = Math.max(0, this.#pres - 1)
  }

  #openCode(attributes: Attributes): void {
    if (this.#pres > 0) this.#language ??= languageOf(attributes)
  }

  #openQuote(): void {
    this.#breakBlock()
    this.#quotes += 1
  }

  #closeQuote(): void {
    this.#breakBlock()
    this.#quotes -= 1
  }

  #openTable(): void {
    if (!this.#inside()) this.#breakBlock()
    this.#tables += 1
  }

  #closeTable(): void {
    this.#tables -= 1
    if (!this.#inside()) this.#flush('table')
  }

  #openHeading(level: number): void {
    this.#breakBlock()
    if (!this.#inside() && this.#pres === 0) this.#heading = level
  }

  #closeHeading(): void {
    if (this.#heading > 0) this.#flush('heading')
    this.#heading = 0
    this.#breakBlock()
  }

  #flushText(): void {
    this.#flush(this.#quotes > 0 ? 'quote' : 'paragraph')
  }

  #flush(kind: BlockKind): void {
    const body = kind === 'code' ? this.#line.raw() : this.#line.clean()
    this.#line = inlineText()
    if (kind === 'heading') {
      if (this.#heading === 1) this.#firstHeading ??= cleanTitle(body)
      this.#writer.add(kind, body.replace(/\s+/g, ' '), { level: this.#heading })
    } else if (kind === 'code') this.#writer.add(kind, body, { language: this.#language })
    else this.#writer.add(kind, body)
  }
}

function languageOf(attributes: Attributes): string | undefined {
  return LANGUAGE.exec(attributes['class'] ?? '')?.[1]
}

/** What a reader does not see is not taken for the page's words. */
function isHidden(attributes: Attributes): boolean {
  return (
    'hidden' in attributes ||
    attributes['aria-hidden'] === 'true' ||
    /display\s*:\s*none|visibility\s*:\s*hidden/i.test((attributes['style'] ?? '').slice(0, 1_000))
  )
}
