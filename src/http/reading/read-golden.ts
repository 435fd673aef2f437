import type { NewGoldenQuery } from '../../catalog/golden-queries.ts'
import { jsonOf } from '../body.ts'
import { goldenOfLine } from '../schemas/golden-query.ts'
import { check } from '../validate.ts'
import type { Content, ReadRules } from './read-content.ts'
import { readLines } from './read-lines.ts'

/** Golden queries to import: an array, `{"golden_queries": […]}`, or one JSON object a line. */
export function readGolden(
  content: Content,
  { golden, limits }: ReadRules,
): readonly NewGoldenQuery[] {
  if (content.mediaType === 'application/json') {
    const body = check(golden.importBody, jsonOf(content), 'body')
    return (Array.isArray(body) ? body : body.golden_queries).map(goldenOfLine)
  }
  const most = { countMax: limits.goldenImport, what: 'golden queries' }
  return readLines(content.bytes, most, (value) => goldenOfLine(check(golden.line, value, 'body')))
}
