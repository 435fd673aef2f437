import type { EvalQuery } from '../types.ts'
import { QueriesOf } from './judgments.ts'
import { type Line, lineFault, readLines } from './read-lines.ts'

/**
 * Topics as `id<tab>text` or in TREC's classic form, `<top> <num> Number: 301 <title> … </top>`, whose title is the query.
 * Leading zeros of a number there are dropped, as qrels don't have them. Which form it is, the first line says.
 * @throws QuarryError `invalid_request` naming file, line and what would be right
 */
export async function readTrecTopics(path: string): Promise<readonly EvalQuery[]> {
  const found = new QueriesOf(path)
  let open: Line | null = null
  let tagged: boolean | null = null
  for await (const line of readLines(path)) {
    tagged ??= line.text.trimStart().startsWith('<')
    if (!tagged) {
      found.add(line.number, tabbed(path, line))
      continue
    }
    open = join(path, open, line)
    if (open === null || !/<\/top>/i.test(line.text)) continue
    found.add(open.number, topicOf(path, open))
    open = null
  }
  if (open !== null) throw lineFault(path, open.number, '<top> has no </top>')
  return found.queries
}

function tabbed(path: string, { text, number }: Line): EvalQuery {
  const tab = text.indexOf('\t')
  const [id, query] = [text.slice(0, Math.max(tab, 0)).trim(), text.slice(tab + 1).trim()]
  if (id !== '' && query !== '') return { id, text: query }
  throw lineFault(path, number, 'is neither id<tab>text nor part of a <top> … </top>')
}

/** A topic so far, under the line on which it began; null outside of one. */
function join(path: string, open: Line | null, { text, number }: Line): Line | null {
  const begins = /<top>/i.test(text)
  if (begins && open !== null)
    throw lineFault(path, number, `<top> before the </top> of line ${open.number}`)
  if (begins) return { text, number }
  return open === null ? null : { text: `${open.text}\n${text}`, number: open.number }
}

function topicOf(path: string, { text, number }: Line): EvalQuery {
  const id = elementOf(text, 'num').replace(/^Number:\s*/i, '')
  const title = elementOf(text, 'title').replace(/^Topic:\s*/i, '')
  if (id === '' || title === '')
    throw lineFault(path, number, 'the topic lacks <num> or <title>, or it is empty')
  return { id: id.replace(/^0+(?=\d+$)/, ''), text: title }
}

/** Up to the next tag: the classic form does not close its own. */
function elementOf(text: string, tag: string): string {
  const found = new RegExp(`<${tag}>([^]*?)(?=</?[a-z]+>)`, 'i').exec(text)?.[1] ?? ''
  return found.trim().replace(/\s+/g, ' ')
}
