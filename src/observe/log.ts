import { type DestinationStream, type Logger, pino } from 'pino'

/** Structured lines on standard error. Callers log ids, counts and codes, never document text, queries or keys. */
export type Log = Logger

export interface LogOptions {
  readonly level: 'silent' | 'error' | 'warn' | 'info' | 'debug'
  readonly destination?: DestinationStream | undefined
}

export function createLog({ level, destination }: LogOptions): Log {
  const settings = { level, base: null, redact: ['authorization', '*.authorization', '*.secret'] }
  return pino(settings, destination ?? pino.destination({ dest: 2, sync: false }))
}
