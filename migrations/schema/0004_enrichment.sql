-- What generators write: contexts of chunks, and what they cost.

-- Asked for once: the hash is of all that a generator was shown and told, so equal ones get equal answers. A document
-- owns the contexts that its chunks have, and loses those that it no longer uses; others of the tenant may copy them.
create table quarry.chunk_contexts (
  tenant_id     quarry.identifier not null,
  collection_id quarry.identifier not null,
  document_id   quarry.identifier not null,
  context_hash  text collate "C" not null,
  context       text not null check (context <> ''),
  primary key (tenant_id, collection_id, document_id, context_hash),
  foreign key (tenant_id, collection_id, document_id) references quarry.documents on delete cascade
);
create index on quarry.chunk_contexts (tenant_id, context_hash);
grant select, insert, delete on quarry.chunk_contexts to quarry_tenant, quarry_system;

alter table quarry.chunk_contexts enable row level security;
alter table quarry.chunk_contexts force row level security;
create policy own_rows on quarry.chunk_contexts to quarry_tenant
  using (tenant_id = quarry.current_tenant()) with check (tenant_id = quarry.current_tenant());
create policy every_row on quarry.chunk_contexts to quarry_system using (true) with check (true);

-- Chunks that were indexed without the context that the policy asks for.
alter table quarry.documents add column plain_chunk_count integer not null default 0
  check (plain_chunk_count between 0 and chunk_count);

alter table quarry.usage
  add column generate_input_tokens  bigint not null default 0,
  -- Of the input, what the provider had cached.
  add column generate_cached_tokens bigint not null default 0,
  add column generate_output_tokens bigint not null default 0;
