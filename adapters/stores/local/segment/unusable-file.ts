import { QuarryError } from '../../../../src/core/errors.ts'

/**
 * Why a file is of no use: it is not there; not what was written (its checksums say so); written by another version
 * of the format; or sound, but of another index, tenant or spec than asked for.
 */
export type FileFault = 'missing' | 'damaged' | 'other_format' | 'other_content'

/** A file of the engine that has to be put aside and made anew, unlike one that could only not be read just now. */
export class UnusableFile extends QuarryError {
  readonly fault: FileFault
  readonly path: string

  constructor(fault: FileFault, path: string, why: string) {
    super('internal', `${path}: ${why}`, { details: { path, fault } })
    this.name = 'UnusableFile'
    this.fault = fault
    this.path = path
  }
}
