import { QuarryError } from '../core/errors.ts'

/** The first row of a statement that always gives one. */
export function only<Row>(rows: readonly Row[]): Row {
  const [row] = rows
  if (row === undefined)
    throw new QuarryError('internal', 'a statement that always gives a row gave none')
  return row
}
