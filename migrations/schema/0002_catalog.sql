-- The catalog: the source of truth from which every index is derived.
--
-- Rules that hold for every table here
--   * A table with tenants' data has tenant_id first in its primary key, so each tenant's rows lie together and no
--     unique index can answer «somebody else already has this id».
--   * Row-level security is enabled and forced on every table that has a tenant_id (see the end of this file).
--     quarry_tenant sees its own rows; quarry_system sees all. Neither owns anything; each grant is stated.
--   * Ids compare byte by byte (collation "C"): the order of a page is the same on every machine.
--   * Transactions take locks in one order, so that none wait for each other in a circle:
--     collection, tenant, documents (by id), items, the tenant's vectors.

-- From here on each table says who may do what to it.
alter default privileges in schema quarry revoke all on tables from quarry_tenant, quarry_system;

create domain quarry.identifier as text collate "C"
  check (octet_length(value) between 1 and 256);

-- ---------------------------------------------------------------------------------------------------------------
-- Who

-- Made by a tenant's first write.
create table quarry.tenants (
  tenant_id  quarry.identifier primary key,
  created_at timestamptz not null default now(),
  -- When a worker last took items of this tenant: the next turn goes to whoever waited longest.
  served_at  timestamptz
);
-- FOR KEY SHARE asks for the right to update some column; this one is harmless.
grant select, insert, update (created_at) on quarry.tenants to quarry_tenant;
grant select, insert, update, delete on quarry.tenants to quarry_system;

-- The whole key is never stored. Its secret has 256 random bits, so one SHA-256 is enough: there is nothing to guess.
create table quarry.api_keys (
  key_id       quarry.identifier primary key,
  name         text not null check (name <> ''),
  secret_hash  bytea not null check (octet_length(secret_hash) = 32),
  scopes       text[] not null check (cardinality(scopes) > 0),
  -- Null: acts for the tenant that the request names. No foreign key: a key may be made before the first write.
  tenant_id    quarry.identifier,
  created_at   timestamptz not null default now(),
  last_used_at timestamptz,
  expires_at   timestamptz,
  revoked_at   timestamptz
);
create index on quarry.api_keys (tenant_id) where tenant_id is not null;
-- Nothing for quarry_tenant: a tenant's own SQL has no business with keys.
grant select, insert, update, delete on quarry.api_keys to quarry_system;

-- ---------------------------------------------------------------------------------------------------------------
-- What is served, and by which index

-- A space's id is a hash of all that decides what its vectors mean, so a space never changes and is never deleted.
create table quarry.embedding_spaces (
  space_id   quarry.identifier primary key,
  name       text not null,
  embedder   text not null,
  dimensions integer not null check (dimensions > 0),
  chunking   quarry.identifier not null,
  identity   jsonb not null,
  created_at timestamptz not null default now()
);
grant select on quarry.embedding_spaces to quarry_tenant;
grant select, insert on quarry.embedding_spaces to quarry_system;

create table quarry.collections (
  collection_id    quarry.identifier primary key,
  policy           jsonb not null,
  -- The alias. Deferred, because the collection and its first index are made in one transaction.
  serving_index_id quarry.identifier not null,
  created_at       timestamptz not null default now(),
  updated_at       timestamptz not null default now()
);
-- A policy can hold a system prompt; a tenant's door sees only whether a collection is there.
grant select (collection_id) on quarry.collections to quarry_tenant;
grant select, insert, update, delete on quarry.collections to quarry_system;

create table quarry.indexes (
  index_id      quarry.identifier primary key,
  collection_id quarry.identifier not null references quarry.collections on delete cascade,
  space_id      quarry.identifier not null references quarry.embedding_spaces,
  store         text not null,
  spec          jsonb not null,
  state         text not null check (state in ('building', 'live', 'retired')),
  -- How far a shared store has been brought: the last change applied. Replicas in a process keep their own place.
  applied_xid   xid8 not null default '0',
  applied_seq   bigint not null default 0,
  -- One applier at a time writes to a shared store.
  lease_holder  text,
  lease_until   timestamptz,
  created_at    timestamptz not null default now(),
  unique (collection_id, index_id),
  check ((lease_holder is null) = (lease_until is null))
);
grant select, insert, update, delete on quarry.indexes to quarry_system;

-- The alias names an index of this very collection; that index can't go while the alias is on it.
alter table quarry.collections
  add constraint collections_serving_fkey
  foreign key (collection_id, serving_index_id) references quarry.indexes (collection_id, index_id)
  deferrable initially deferred;

-- A writer holds its collection to the end of its transaction, so that none is removed under it. Runs with the
-- owner's rights, since the row lock asks for the right to update, which a tenant must not have.
create function quarry.hold_collection(wanted text) returns boolean
  language sql volatile security definer set search_path = ''
  as $$ select true from quarry.collections where collection_id = wanted for key share $$;
revoke execute on function quarry.hold_collection(text) from public;
grant execute on function quarry.hold_collection(text) to quarry_tenant, quarry_system;

-- ---------------------------------------------------------------------------------------------------------------
-- Documents, and what is cut from them

create table quarry.documents (
  tenant_id        quarry.identifier not null references quarry.tenants on delete cascade,
  collection_id    quarry.identifier not null references quarry.collections on delete cascade,
  document_id      quarry.identifier not null,
  content          bytea not null default '',
  media_type       text not null default 'text/plain',
  -- As the caller gave it; the title that the parser found is kept apart, so that a later write can change it.
  title            text,
  parsed_title     text,
  source           text,
  metadata         jsonb not null default '{}' check (jsonb_typeof(metadata) = 'object'),
  -- Rises by one with each write, deletes included, and never starts again: a tombstone keeps it, and so a late job
  -- of an earlier life can't pass for a current one.
  revision         bigint not null default 0 check (revision >= 0),
  -- The revision that the chunks below were cut from; behind `revision` while work waits, failed or was cancelled.
  indexed_revision bigint check (indexed_revision <= revision),
  content_hash     text not null default '',
  state            text not null default 'queued' check (state in ('queued', 'indexed', 'failed', 'deleted')),
  reason           text,
  chunk_count      integer not null default 0 check (chunk_count >= 0),
  -- The item of the latest write: what a caller waits for.
  version          bigint not null default 0,
  created_at       timestamptz not null default now(),
  updated_at       timestamptz not null default now(),
  primary key (tenant_id, collection_id, document_id),
  check ((state = 'failed') = (reason is not null)),
  -- A tombstone keeps nothing of what it was.
  check (state <> 'deleted' or (octet_length(content) = 0 and metadata = '{}' and chunk_count = 0
    and title is null and parsed_title is null and source is null))
);
-- For removing a collection. The whole key, because an index on the collection alone would be a trap: before the first
-- ANALYZE the planner may take it to look up one document, and read the whole collection each time.
create index on quarry.documents (collection_id, tenant_id, document_id);
grant select, insert, update on quarry.documents to quarry_tenant;
grant select, insert, update, delete on quarry.documents to quarry_system;

create table quarry.chunks (
  tenant_id     quarry.identifier not null,
  collection_id quarry.identifier not null,
  -- Fingerprint of the chunker and its options. During a migration two chunkings stand side by side.
  chunking      quarry.identifier not null,
  chunk_id      quarry.identifier not null check (octet_length(chunk_id) <= 64),
  document_id   quarry.identifier not null,
  -- The document's revision in which this chunk last changed.
  revision      bigint not null,
  ordinal       integer not null check (ordinal >= 0),
  span_start    integer not null check (span_start >= 0),
  span_end      integer not null check (span_end >= span_start),
  text          text not null,
  context       text not null,
  title         text,
  headings      jsonb not null,
  page          integer,
  metadata      jsonb not null,
  -- Of what is embedded (context and text): joins the vector.
  content_hash  text collate "C" not null,
  tokens        integer not null check (tokens >= 0),
  primary key (tenant_id, collection_id, chunking, chunk_id),
  foreign key (tenant_id, collection_id, document_id) references quarry.documents on delete cascade
);
-- Neighbours of a hit, and the chunks of one document.
create index on quarry.chunks (tenant_id, collection_id, document_id, chunking, ordinal);
-- Whether a vector is still needed.
create index on quarry.chunks (tenant_id, content_hash);
-- A replica that starts from nothing reads one collection over all tenants, in this order.
create index on quarry.chunks (collection_id, chunking, tenant_id, chunk_id);
grant select, insert, update, delete on quarry.chunks to quarry_tenant, quarry_system;

-- Float32, little-endian. Text that was embedded once is not embedded again, within one tenant only: sharing between
-- tenants would let one of them find out by timing what another has.
create table quarry.vectors (
  tenant_id    quarry.identifier not null,
  space_id     quarry.identifier not null,
  content_hash text collate "C" not null,
  vector       bytea not null check (octet_length(vector) > 0 and octet_length(vector) % 4 = 0),
  primary key (tenant_id, space_id, content_hash)
);
-- Floats do not compress; trying costs time.
alter table quarry.vectors alter column vector set storage external;
-- No foreign keys: writers check the space once a transaction rather than once a row, and remove what they orphan.
grant select, insert, delete on quarry.vectors to quarry_tenant, quarry_system;

-- ---------------------------------------------------------------------------------------------------------------
-- Work: the outbox

create table quarry.jobs (
  tenant_id     quarry.identifier not null references quarry.tenants on delete cascade,
  -- Sorts by time of making.
  job_id        quarry.identifier not null,
  collection_id quarry.identifier not null references quarry.collections on delete cascade,
  created_at    timestamptz not null default now(),
  primary key (tenant_id, job_id)
);
create index on quarry.jobs (collection_id);
grant select, insert on quarry.jobs to quarry_tenant;
grant select, insert, delete on quarry.jobs to quarry_system;

-- One row a write. Its id is the write's version.
create table quarry.job_items (
  tenant_id     quarry.identifier not null,
  item_id       bigint not null generated always as identity,
  -- Null for a delete, which is done when it is written and belongs to no job.
  job_id        quarry.identifier,
  collection_id quarry.identifier not null,
  document_id   quarry.identifier not null,
  revision      bigint not null,
  state         text not null default 'queued'
    check (state in ('queued', 'done', 'dead', 'cancelled', 'superseded')),
  attempts      integer not null default 0 check (attempts >= 0),
  reason        text,
  -- A claim moves this on by its lease, so that a dead worker's items come again by themselves.
  available_at  timestamptz not null default now(),
  -- The oldest write that this one overtook before it was indexed. Who waits for that one waits for this one.
  covers_from   bigint,
  created_at    timestamptz not null default now(),
  finished_at   timestamptz,
  primary key (tenant_id, item_id),
  foreign key (tenant_id, job_id) references quarry.jobs on delete cascade,
  foreign key (tenant_id, collection_id, document_id) references quarry.documents on delete cascade,
  check ((state = 'queued') = (finished_at is null)),
  check (job_id is not null or state = 'done')
);
-- Workers know items by id alone.
create index on quarry.job_items (item_id);
create index on quarry.job_items (tenant_id, job_id, item_id);
create index on quarry.job_items (tenant_id, collection_id, document_id);
-- At most one live item a document: a newer write overtakes the older.
create unique index on quarry.job_items (tenant_id, collection_id, document_id) where state = 'queued';
-- What may be claimed, queue by queue.
create index on quarry.job_items (tenant_id, collection_id, available_at, item_id) where state = 'queued';
-- Whether everything up to a version is settled.
create index on quarry.job_items (tenant_id, collection_id, (least(item_id, covers_from))) where state = 'queued';
grant select, insert, update on quarry.job_items to quarry_tenant;
grant select, insert, update, delete on quarry.job_items to quarry_system;

-- ---------------------------------------------------------------------------------------------------------------
-- The change feed

-- Says which chunk changed, not how: a reader loads the chunk as it is now. Sequence numbers commit out of order, so
-- rows are ordered by (xid, seq) and read only below the oldest running transaction. No foreign keys: the feed
-- outlives what it tells about.
create table quarry.changes (
  seq           bigint not null generated always as identity,
  xid           xid8 not null default pg_current_xact_id(),
  op            text not null check (op in ('upsert', 'delete', 'drop_tenant', 'drop_collection')),
  collection_id quarry.identifier not null,
  tenant_id     quarry.identifier,
  -- Empty for the drops, which reach every chunking.
  chunking      text collate "C" not null default '',
  chunk_id      quarry.identifier,
  revision      bigint not null default 0,
  primary key (xid, seq),
  check ((op = 'drop_collection') = (tenant_id is null)),
  check ((op in ('upsert', 'delete')) = (chunk_id is not null))
);
create index on quarry.changes (collection_id, tenant_id, xid, seq);
grant select, insert on quarry.changes to quarry_tenant;
grant select, insert, delete on quarry.changes to quarry_system;

-- ---------------------------------------------------------------------------------------------------------------
-- Moving a collection to another index

create table quarry.migrations (
  migration_id  quarry.identifier primary key,
  collection_id quarry.identifier not null references quarry.collections on delete cascade,
  from_index_id quarry.identifier not null,
  to_index_id   quarry.identifier not null check (to_index_id <> from_index_id),
  -- The words are the state machine's own, which checks them.
  state         text not null check (state <> ''),
  -- Rises with each change of hands: a worker of an older epoch is refused.
  epoch         bigint not null default 0,
  cursor        jsonb,
  lease_holder  text,
  lease_until   timestamptz,
  reason        text,
  created_at    timestamptz not null default now(),
  updated_at    timestamptz not null default now(),
  finished_at   timestamptz,
  foreign key (collection_id, from_index_id) references quarry.indexes (collection_id, index_id) on delete cascade,
  foreign key (collection_id, to_index_id) references quarry.indexes (collection_id, index_id) on delete cascade,
  check ((lease_holder is null) = (lease_until is null))
);
-- One at a time.
create unique index on quarry.migrations (collection_id) where finished_at is null;
grant select, insert, update, delete on quarry.migrations to quarry_system;

-- ---------------------------------------------------------------------------------------------------------------
-- Evaluation, usage, the record of what was done

create table quarry.golden_queries (
  tenant_id     quarry.identifier not null references quarry.tenants on delete cascade,
  collection_id quarry.identifier not null references quarry.collections on delete cascade,
  query_id      quarry.identifier not null,
  query         text not null check (query <> ''),
  -- {"<document id>": grade}, grades from 0.
  relevant      jsonb not null check (jsonb_typeof(relevant) = 'object'),
  created_at    timestamptz not null default now(),
  updated_at    timestamptz not null default now(),
  primary key (tenant_id, collection_id, query_id)
);
create index on quarry.golden_queries (collection_id);
grant select, insert, update, delete on quarry.golden_queries to quarry_tenant, quarry_system;

-- A day is UTC's. No foreign key: a tenant may ask before it ever wrote.
create table quarry.usage (
  tenant_id        quarry.identifier not null,
  day              date not null,
  route            text collate "C" not null,
  requests         bigint not null default 0,
  embed_tokens     bigint not null default 0,
  rerank_documents bigint not null default 0,
  documents        bigint not null default 0,
  bytes            bigint not null default 0,
  primary key (tenant_id, day, route)
);
grant select on quarry.usage to quarry_tenant;
grant select, insert, update, delete on quarry.usage to quarry_system;

-- Append only: nobody has the right to change or remove a row.
create table quarry.audit_log (
  audit_id      bigint generated always as identity primary key,
  at            timestamptz not null default now(),
  action        text not null,
  -- Of the key, tenant or collection that it was done to.
  subject       text not null,
  tenant_id     quarry.identifier,
  details       jsonb not null default '{}'
);
create index on quarry.audit_log (at);
grant select, insert on quarry.audit_log to quarry_system;

create table quarry.idempotency_keys (
  tenant_id   quarry.identifier not null,
  route       text collate "C" not null,
  key         quarry.identifier not null,
  -- Hash of the request: the same key on another request is a mistake.
  fingerprint text not null,
  -- Null while the request runs.
  response    jsonb,
  created_at  timestamptz not null default now(),
  expires_at  timestamptz not null,
  primary key (tenant_id, route, key)
);
create index on quarry.idempotency_keys (tenant_id, expires_at);
grant select, insert, update, delete on quarry.idempotency_keys to quarry_tenant, quarry_system;

-- ---------------------------------------------------------------------------------------------------------------
-- The second wall: every table with a tenant_id. Forced, so that it holds for the owner too.

do $$
declare
  walled text;
begin
  for walled in
    select c.relname
    from pg_class c
    join pg_attribute a on a.attrelid = c.oid and a.attname = 'tenant_id' and not a.attisdropped
    where c.relnamespace = 'quarry'::regnamespace and c.relkind = 'r' and not c.relrowsecurity
  loop
    execute format('alter table quarry.%I enable row level security', walled);
    execute format('alter table quarry.%I force row level security', walled);
    execute format(
      'create policy own_rows on quarry.%I to quarry_tenant
         using (tenant_id = quarry.current_tenant()) with check (tenant_id = quarry.current_tenant())', walled);
    execute format(
      'create policy every_row on quarry.%I to quarry_system using (true) with check (true)', walled);
  end loop;
end
$$;
