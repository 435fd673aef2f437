/**
 * Quarry as a library: open a service in your own process and call its app with `fetch` requests, or write a store,
 * an embedder or a reranker against the ports. Nothing else of the package is importable.
 */
export type { ApiKey, Catalog, KeyScope } from './catalog/catalog.ts'
export { type ConfigSources, loadConfig } from './config/load.ts'
export type { Config } from './config/schema.ts'
export { Budget, type Clock } from './core/budget.ts'
export type * from './core/embedder.ts'
export { ERRORS, type ErrorCode, QuarryError } from './core/errors.ts'
export { type Filter, type Filterable, matches } from './core/filter.ts'
export type * from './core/generator.ts'
export type * from './core/lexical-index.ts'
export { LIMITS, type Limit } from './core/limits.ts'
export type * from './core/model.ts'
export type * from './core/reranker.ts'
export { Secret } from './core/secret.ts'
export type * from './core/vector-store.ts'
export { startServer } from './http/server.ts'
export { createLog, type Log } from './observe/log.ts'
export { adapterSchemas, openService, type Roles, type Service } from './service.ts'
