import { randomHex } from '../core/random-hex.ts'

/** W3C Trace Context: the trace that a request belongs to, and this service's span in it. */
export interface TraceContext {
  readonly traceId: string
  readonly spanId: string
  readonly parentSpanId: string | null
  readonly flags: string
}

const SPAN_ID_BYTES = 8
const TRACE_ID_BYTES = 16

const TRACEPARENT = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/

/** Continues the caller's trace; begins a new one when the header is absent or malformed, as the standard says. */
export function continueTrace(traceparent: string | null): TraceContext {
  const ids = randomHex(SPAN_ID_BYTES + TRACE_ID_BYTES)
  const spanId = ids.slice(0, 2 * SPAN_ID_BYTES)
  const caller = traceparent === null ? null : parseTraceparent(traceparent)
  if (caller !== null) return { spanId, ...caller }
  return { traceId: ids.slice(2 * SPAN_ID_BYTES), spanId, parentSpanId: null, flags: '00' }
}

export function formatTraceparent(trace: TraceContext): string {
  return `00-${trace.traceId}-${trace.spanId}-${trace.flags}`
}

function parseTraceparent(text: string): Omit<TraceContext, 'spanId'> | null {
  const [, version, traceId, parentSpanId, flags, rest] = TRACEPARENT.exec(text) ?? []
  if (traceId === undefined || parentSpanId === undefined || flags === undefined) return null
  if (version === 'ff' || (version === '00' && rest !== undefined)) return null
  if (/^0+$/.test(traceId) || /^0+$/.test(parentSpanId)) return null
  return { traceId, parentSpanId, flags }
}
