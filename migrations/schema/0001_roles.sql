-- The two roles behind the doors, and the wall between tenants.
-- Roles belong to the whole cluster, so another database of it may have made them already.
do $$
declare
  wanted text;
begin
  foreach wanted in array array['quarry_tenant', 'quarry_system'] loop
    if not exists (select from pg_roles where rolname = wanted) then
      begin
        execute format('create role %I nologin nosuperuser nobypassrls nocreatedb nocreaterole noinherit', wanted);
      exception
        when duplicate_object or unique_violation then null; -- made by another database's start at this moment
      end;
    end if;
    if exists (select from pg_roles where rolname = wanted and (rolsuper or rolbypassrls)) then
      raise exception 'role % bypasses row-level security; run: alter role % nosuperuser nobypassrls', wanted, wanted;
    end if;
    begin
      execute format('grant %I to %I', wanted, current_user);
    exception
      when insufficient_privilege then null; -- somebody else's role: being a member already is enough
    end;
    if not pg_has_role(current_user, wanted, 'member') then
      raise exception 'login % may not act as %; run as an administrator: grant % to %',
        current_user, wanted, wanted, current_user;
    end if;
  end loop;
end
$$;

create schema if not exists quarry;

grant usage on schema quarry to quarry_tenant, quarry_system;
alter default privileges in schema quarry
  grant select, insert, update, delete on tables to quarry_tenant, quarry_system;
alter default privileges in schema quarry
  grant usage, select on sequences to quarry_tenant, quarry_system;

-- Null outside the tenant's door: then no policy that compares with it lets a row through.
create function quarry.current_tenant() returns text
  language sql stable parallel safe
  as $$ select nullif(current_setting('quarry.tenant', true), '') $$;

-- Two rows of two tenants, there only so that every start can prove that one does not see the other's.
create table quarry.isolation_canary (
  tenant_id text primary key
);
alter table quarry.isolation_canary enable row level security;
alter table quarry.isolation_canary force row level security;
create policy tenant on quarry.isolation_canary to quarry_tenant
  using (tenant_id = quarry.current_tenant()) with check (tenant_id = quarry.current_tenant());
create policy system on quarry.isolation_canary to quarry_system
  using (true) with check (true);
