import type { TenantId } from '../core/model.ts'
import type { Usage, UsageRecord } from './catalog.ts'
import type { Database } from './database.ts'

interface UsageRow {
  readonly tenant_id: TenantId
  readonly day: string
  readonly route: string
  readonly requests: bigint
  readonly embed_tokens: bigint
  readonly rerank_documents: bigint
  readonly generate_input_tokens: bigint
  readonly generate_cached_tokens: bigint
  readonly generate_output_tokens: bigint
  readonly documents: bigint
  readonly bytes: bigint
}

export function openUsage(database: Database): Usage {
  return {
    add: (records) => add(database, records),
    list: (tenant, fromDay, toDay) =>
      database.asTenant(tenant, async (sql) => {
        const found = await sql.query<UsageRow>(
          `select tenant_id, day::text as day, route,
             requests, embed_tokens, rerank_documents, documents, bytes,
             generate_input_tokens, generate_cached_tokens, generate_output_tokens
           from quarry.usage
           where tenant_id = $1 and day between $2::date and $3::date
           order by day, route`,
          [tenant, fromDay, toDay],
        )
        return found.rows.map(toRecord)
      }),
  }
}

/** In one order for everybody, so that two processes that flush at once do not wait for each other in a circle. */
async function add(database: Database, records: readonly UsageRecord[]): Promise<void> {
  if (records.length === 0) return
  await database.asSystem((sql) =>
    sql.query(
      `insert into quarry.usage as u
         (tenant_id, day, route, requests, embed_tokens, rerank_documents, documents, bytes,
          generate_input_tokens, generate_cached_tokens, generate_output_tokens)
       select tenant_id, (now() at time zone 'utc')::date, route,
         sum(requests), sum("embedTokens"), sum("rerankDocuments"), sum(documents), sum(bytes),
         sum("generateInputTokens"), sum("generateCachedTokens"), sum("generateOutputTokens")
       from json_to_recordset($1::json) as r(tenant_id text, route text, requests bigint,
         "embedTokens" bigint, "rerankDocuments" bigint, documents bigint, bytes bigint,
         "generateInputTokens" bigint, "generateCachedTokens" bigint, "generateOutputTokens" bigint)
       group by tenant_id, route
       order by tenant_id, route
       on conflict (tenant_id, day, route) do update set
         requests = u.requests + excluded.requests,
         embed_tokens = u.embed_tokens + excluded.embed_tokens,
         rerank_documents = u.rerank_documents + excluded.rerank_documents,
         documents = u.documents + excluded.documents,
         bytes = u.bytes + excluded.bytes,
         generate_input_tokens = u.generate_input_tokens + excluded.generate_input_tokens,
         generate_cached_tokens = u.generate_cached_tokens + excluded.generate_cached_tokens,
         generate_output_tokens = u.generate_output_tokens + excluded.generate_output_tokens`,
      [JSON.stringify(records.map(({ tenant, ...counts }) => ({ tenant_id: tenant, ...counts })))],
    ),
  )
}

function toRecord(row: UsageRow): UsageRecord & { readonly day: string } {
  return {
    tenant: row.tenant_id,
    day: row.day,
    route: row.route,
    requests: Number(row.requests),
    embedTokens: Number(row.embed_tokens),
    rerankDocuments: Number(row.rerank_documents),
    generateInputTokens: Number(row.generate_input_tokens),
    generateCachedTokens: Number(row.generate_cached_tokens),
    generateOutputTokens: Number(row.generate_output_tokens),
    documents: Number(row.documents),
    bytes: Number(row.bytes),
  }
}
