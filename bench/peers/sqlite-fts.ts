import { cached } from '../data/cache.ts'
import type { Lane } from '../measure/lanes.ts'
import { loadPeer } from './load-peer.ts'

type Sqlite = new (path: string, options?: { readonly: boolean }) => Database

interface Database {
  exec(sql: string): void
  pragma(setting: string): void
  prepare(sql: string): Statement
  transaction(work: () => void): () => void
  close(): void
}

interface Statement {
  run(...values: readonly (string | number)[]): void
  all(...values: readonly (string | number)[]): readonly { readonly rowid: number }[]
}

/** FTS5 over texts whose words are analysed already, any of a query's words matching. */
export async function sqliteFullText(
  name: string,
  texts: () => Promise<readonly string[]>,
  queries: readonly string[],
  k: number,
): Promise<Lane> {
  const Database = loadPeer<Sqlite>('better-sqlite3')
  const path = await cached(`sqlite-fts-${name}.db`, async (file) => {
    const database = new Database(file)
    database.pragma('journal_mode = OFF')
    database.exec(`CREATE VIRTUAL TABLE passages USING fts5(text, content='')`)
    const insert = database.prepare('INSERT INTO passages(rowid, text) VALUES (?, ?)')
    const all = await texts()
    database.transaction(() => {
      for (const [row, text] of all.entries()) insert.run(row, text)
    })()
    database.exec(`INSERT INTO passages(passages) VALUES ('optimize')`)
    database.close()
  })
  const database = new Database(path, { readonly: true })
  database.pragma('cache_size = -2000000')
  database.pragma('mmap_size = 8589934592')
  const search = database.prepare(
    'SELECT rowid FROM passages WHERE passages MATCH ? ORDER BY rank LIMIT ?',
  )
  const asked = queries.map((query) =>
    query
      .split(' ')
      .map((word) => `"${word}"`)
      .join(' OR '),
  )
  return (query) => search.all(asked[query] ?? '', k).map(({ rowid }) => rowid)
}
