import { isTurnOver } from '../../../../src/core/turns.ts'
import type { Metric } from '../../../../src/core/vector-store.ts'
import type { RowSearch } from '../found.ts'
import type { Kernels } from '../memory/kernels.ts'
import { BLOCK_ROWS, CANDIDATES_MAX, HEAP_MAX, type Scratch } from '../memory/scratch.ts'
import { type AllowedRows, type Cursor, copyAllowed, isDense, listAllowed } from './allowed-rows.ts'
import { type Asked, encodeQuery } from './encode-row.ts'
import type { CodeBlock } from './flat-block.ts'

/** Rows of a segment or delta: the block's first row is number `first` there, a multiple of 32. */
export interface Piece<Block extends CodeBlock = CodeBlock> {
  readonly block: Block
  readonly first: number
  /** How many of the block's rows are searched; it may have got more since. */
  readonly count: number
}

/** The scan of all codes on one memory, for the k rows of the best values. */
export interface FirstPass {
  readonly kernels: Kernels
  readonly scratch: Scratch
  readonly asked: Asked
  /** How many rows the scratch's heap follows. */
  readonly heapRows: number
  /** Rows of a lesser value are out. */
  floor: number
  /** Rows in the scratch that may be among the best. */
  found: number
}

/** Takes a scratch, to be given back. */
export function openFirstPass(
  kernels: Kernels,
  metric: Metric,
  query: Float32Array,
  k: number,
): FirstPass {
  const scratch = kernels.takeScratch()
  const heapRows = k <= HEAP_MAX ? k : 0
  scratch.heap.fill(Number.NEGATIVE_INFINITY, 0, heapRows)
  const asked = encodeQuery(query, metric, scratch)
  return { kernels, scratch, asked, heapRows, floor: Number.NEGATIVE_INFINITY, found: 0 }
}

/** How far the rows of one piece have been scanned. */
export interface Scan {
  readonly pass: FirstPass
  readonly run: ScanRows
  /** Null where all rows are allowed. */
  readonly rows: AllowedRows | null
  readonly cursor: Cursor
  /** Whether what was found is being settled, until nothing of it is left. */
  isSettling: boolean
}

export function openScan(
  pass: FirstPass,
  { block, first, count }: Piece,
  { allowed, allowedCount }: RowSearch,
): Scan {
  const rows =
    allowed === null ? null : { bitmap: allowed, first, isDense: isDense(allowed, allowedCount) }
  const cursor = { next: 0, end: count }
  return { pass, run: scanOf(pass, block), rows, cursor, isSettling: false }
}

/**
 * Scans until all is done, or answers false where the turn is over before: then it wants to be called again. `settle`
 * takes some of the rows found off the end of the list, and is called until none are left: at the end, and before
 * wherever more are found than the scratch can hold. It should raise the floor, and be done within a fraction of a
 * millisecond.
 */
export function scanOn(scan: Scan, settle: () => void): boolean {
  while (goesOn(scan, settle)) if (isTurnOver()) return false
  return true
}

/** One block, or one part of what is found; answers false where nothing is left to do. */
function goesOn(scan: Scan, settle: () => void): boolean {
  const { pass, run, rows, cursor } = scan
  const isRead = cursor.next >= cursor.end
  if (!isRead && !scan.isSettling && !isCrowded(pass)) {
    pass.found += scanBlock(run, rows, cursor, pass.scratch.list)
    return true
  }
  dropLesser(pass)
  if (pass.found > 0) settle()
  scan.isSettling = pass.found > 0
  return scan.isSettling || !isRead
}

type ScanRows = (list: number, allowed: number, from: number, count: number) => number

function scanOf(pass: FirstPass, block: CodeBlock): ScanRows {
  const { kernels, scratch, heapRows } = pass
  const { scanRows } = kernels.run
  const codes = block.codes.byteOffset
  const multipliers = block.multipliers.byteOffset
  const addends = block.addends.byteOffset
  const errors = block.errors.byteOffset
  const norms = block.norms.byteOffset
  const { stride } = block
  const query = scratch.query16.byteOffset
  const terms = scratch.terms.byteOffset
  const heap = scratch.heap.byteOffset
  return (list, allowed, from, count) =>
    scanRows(
      codes,
      stride,
      multipliers,
      addends,
      errors,
      norms,
      list,
      allowed,
      from,
      count,
      query,
      terms,
      heap,
      heapRows,
      pass.floor,
      scratch.rows.byteOffset + pass.found * 4,
      scratch.bounds.byteOffset + pass.found * 8,
    )
}

/** Answers how many rows were found. */
function scanBlock(
  run: ScanRows,
  allowed: AllowedRows | null,
  cursor: Cursor,
  list: Uint32Array,
): number {
  if (allowed !== null && !allowed.isDense) {
    const count = listAllowed(allowed, cursor, list)
    return count === 0 ? 0 : run(list.byteOffset, 0, 0, count)
  }
  const from = cursor.next
  cursor.next = Math.min(cursor.end, from + BLOCK_ROWS)
  const count = cursor.next - from
  if (allowed === null) return run(0, 0, from, count)
  return copyAllowed(allowed, from, list) ? run(0, list.byteOffset, from, count) : 0
}

function isCrowded(pass: FirstPass): boolean {
  if (pass.found <= CANDIDATES_MAX - BLOCK_ROWS) return false
  dropLesser(pass)
  return pass.found > CANDIDATES_MAX - 2 * BLOCK_ROWS
}

/** Drops the rows that the threshold has since risen above. */
function dropLesser(pass: FirstPass): void {
  const { rows, bounds, heap } = pass.scratch
  const least = pass.heapRows > 0 ? (heap[0] as number) : pass.floor
  const threshold = Math.max(pass.floor, least)
  let kept = 0
  for (let i = 0; i < pass.found; i++) {
    const bound = bounds[i] as number
    if (bound < threshold) continue
    rows[kept] = rows[i] as number
    bounds[kept] = bound
    kept++
  }
  pass.found = kept
}
