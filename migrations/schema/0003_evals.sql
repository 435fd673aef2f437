-- Golden queries say where they came from, and eval runs keep what they found.

alter table quarry.golden_queries
  add column note         text,
  add column tags         text[] not null default '{}',
  add column source       text not null default 'manual' check (source in ('manual', 'imported', 'promoted')),
  -- Of the retrieval that a person judged. No foreign key: retrievals are not kept.
  add column retrieval_id text;

-- One measurement of one tenant's part of a collection. What it measured is written down with it, so that two of them
-- can be told apart after the policy has changed.
create table quarry.evals (
  tenant_id     quarry.identifier not null references quarry.tenants on delete cascade,
  -- Sorts by time of making.
  eval_id       quarry.identifier not null,
  collection_id quarry.identifier not null references quarry.collections on delete cascade,
  state         text not null default 'queued' check (state in ('queued', 'running', 'done', 'failed', 'cancelled')),
  request       jsonb not null,
  queries_total integer not null check (queries_total >= 0),
  queries_done  integer not null default 0 check (queries_done between 0 and queries_total),
  reason        text,
  summary       jsonb,
  -- The process that runs it. One that dies stops renewing, and the run counts as failed.
  lease_holder  text not null,
  lease_until   timestamptz not null,
  created_at    timestamptz not null default now(),
  started_at    timestamptz,
  finished_at   timestamptz,
  primary key (tenant_id, eval_id),
  check ((state in ('queued', 'running')) = (finished_at is null)),
  check ((state = 'failed') = (reason is not null)),
  check ((state = 'done') = (summary is not null))
);
create index on quarry.evals (collection_id);
create index on quarry.evals (tenant_id, lease_until) where state in ('queued', 'running');
grant select, insert, update, delete on quarry.evals to quarry_tenant, quarry_system;

-- What each golden query got, written as the run goes on.
create table quarry.eval_queries (
  tenant_id quarry.identifier not null,
  eval_id   quarry.identifier not null,
  query_id  quarry.identifier not null,
  query     text not null,
  result    jsonb not null,
  primary key (tenant_id, eval_id, query_id),
  foreign key (tenant_id, eval_id) references quarry.evals on delete cascade
);
grant select, insert, delete on quarry.eval_queries to quarry_tenant, quarry_system;

do $$
declare
  walled text;
begin
  foreach walled in array array['evals', 'eval_queries'] loop
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
