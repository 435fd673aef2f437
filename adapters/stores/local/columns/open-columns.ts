import type { Filter } from '../../../../src/core/filter.ts'
import type { Bitmap } from '../bitmap.ts'
import type { BlockReader } from '../blocks.ts'
import { evaluate, type Table } from './evaluate.ts'
import { openFields } from './fields.ts'

export interface Columns {
  /** The rows whose chunks match, as `matches` says. For reading only: who asks with the same filter shares it. */
  select(filter: Filter, signal: AbortSignal): Promise<Bitmap>
}

/** @throws QuarryError `internal` where the blocks don't fit together */
export function openColumns(blocks: BlockReader, rows: Omit<Table, 'fields'>): Columns {
  const table: Table = { ...rows, fields: openFields(blocks) }
  /** Both legs of a request ask with the same filter, the second while the first is still at it. */
  const known = new WeakMap<Filter, Promise<Bitmap>>()

  function begin(filter: Filter, signal: AbortSignal): Promise<Bitmap> {
    const found = evaluate(table, filter, signal)
    known.set(filter, found)
    return found
  }

  return {
    select: (filter, signal) =>
      // Whoever began may have been told to stop; that is no reason to stop for this caller.
      known.get(filter)?.catch(() => begin(filter, signal)) ?? begin(filter, signal),
  }
}
