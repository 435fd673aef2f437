import type { VectorPool, VectorPoolClient } from '../../adapters/stores/pgvector/session.ts'
import type { FaultKind } from '../conformance/bench.ts'

/** A pool in front of another, with a switch after which nothing gets through to it. */
export interface FaultyPool extends VectorPool {
  fail(kind: FaultKind): void
  /** Statements that got through. */
  readonly statements: readonly string[]
}

export function faultyPool(pool: VectorPool): FaultyPool {
  let fault: FaultKind | null = null
  const statements: string[] = []
  const pass = async <T>(call: () => Promise<T>, text?: string): Promise<T> => {
    if (fault !== null) return await broken(fault)
    if (text !== undefined) statements.push(text)
    return await call()
  }
  const connect = async (): Promise<VectorPoolClient> => {
    const client = await pool.connect()
    return {
      query: (text, values) => pass(() => client.query(text, values), text),
      release: (error) => client.release(error),
    }
  }
  return {
    statements,
    connect: () => pass(connect),
    query: (text, values) => pass(() => pool.query(text, values), text),
    end: async () => {},
    fail: (kind) => {
      fault = kind
    },
  }
}

function broken(kind: FaultKind): Promise<never> {
  switch (kind) {
    case 'unreachable':
      return failing('connect ECONNREFUSED', 'ECONNREFUSED')
    case 'error':
      return failing('terminating connection due to administrator command', '57P01')
    case 'rate_limited':
      return failing('too many connections', '53300')
    case 'hang':
      return new Promise(() => {})
  }
}

function failing(message: string, code: string): Promise<never> {
  return Promise.reject(Object.assign(new Error(message), { code }))
}
