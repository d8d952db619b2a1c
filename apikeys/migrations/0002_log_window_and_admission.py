from django.db import migrations

from groundwork.roles import RoleSQL

TABLES = """
create sequence apikeys_requestlog_id;
create table apikeys_requestlog (
    at timestamptz not null,
    id bigint not null default nextval('apikeys_requestlog_id'),
    key_public_id varchar(12) not null,
    customer_id bigint,
    method varchar(8) not null,
    route varchar(100) not null,
    status smallint,
    milliseconds double precision,
    bytes_sent integer,
    correlation_id varchar(64) not null,
    address inet,
    primary key (at, id)
) partition by range (at);
alter sequence apikeys_requestlog_id owned by apikeys_requestlog.id;
-- The staff pages: one key, one customer, newest first.
create index requestlog_of_key on apikeys_requestlog (key_public_id, at);
create index requestlog_of_customer on apikeys_requestlog (customer_id, at);
create table apikeys_requestlog_other partition of apikeys_requestlog default;
do $$
declare
    first date := date_trunc('month', now() at time zone 'UTC');
begin
    for months in 0..24 loop
        execute format(
            'create table apikeys_requestlog_%s partition of apikeys_requestlog
                for values from (%L) to (%L)',
            to_char(first + make_interval(months => months), 'YYYY_MM'),
            (first + make_interval(months => months)) at time zone 'UTC',
            (first + make_interval(months => months + 1)) at time zone 'UTC');
    end loop;
end $$;
-- The exact log of a key's last minute: worth less than the writes that would make it durable.
alter table apikeys_requestwindow set unlogged;
"""

FINAL = """
create function apikeys_revocation_is_final() returns trigger language plpgsql as $$
begin
    if tg_op = 'DELETE' then
        raise exception 'keys are revoked, never deleted' using errcode = 'restrict_violation';
    end if;
    if new.secret_sha256 <> old.secret_sha256 or new.public_id <> old.public_id
       or new.customer_id <> old.customer_id or new.mode <> old.mode then
        raise exception 'a key never becomes another' using errcode = 'restrict_violation';
    end if;
    if old.revoked_at is not null and new.revoked_at is distinct from old.revoked_at then
        raise exception 'revocation is final' using errcode = 'restrict_violation';
    end if;
    return new;
end $$;
create trigger revocation_is_final before update or delete on apikeys_apikey
    for each row execute function apikeys_revocation_is_final();
"""

# Authentication, limit and the log's insert in one short transaction on the primary.
# Digests are hashed once more with the caller's nonce, so that how long the comparison takes tells
# nothing. The window's row is locked: of requests at once, each counts the ones before it.
ADMIT = """
create function apikeys_admit(
    given_id text, given_mode text, digest bytea, nonce bytea,
    given_method text, given_route text, correlation text, caller inet, strangers_logged integer
) returns table (
    outcome text, log_at timestamptz, log_id bigint, customer bigint, scopes text[],
    quota integer, remaining integer, wait_seconds double precision
) language plpgsql as $$
declare
    key apikeys_apikey;
    recent timestamptz[];
    refused integer;
begin
    select * into key from apikeys_apikey k where k.public_id = given_id and k.mode = given_mode;
    log_at := clock_timestamp();
    if key.id is null or sha256(key.secret_sha256 || nonce) <> sha256(digest || nonce)
       or key.revoked_at is not null or key.expires_at <= log_at then
        outcome := 'refused';
        insert into apikeys_refusedstrangers as s (address, hour, refusals)
            values (coalesce(caller, '0.0.0.0'), date_trunc('hour', log_at), 1)
            on conflict (address, hour) do update set refusals = s.refusals + 1
            returning refusals into refused;
        if refused > strangers_logged then
            return next;
            return;
        end if;
        key := null;
    else
        customer := key.customer_id;
        scopes := key.scopes;
        quota := key.requests_a_minute;
        select instants into recent from apikeys_requestwindow where key_id = key.id for update;
        if not found then
            insert into apikeys_requestwindow (key_id, instants) values (key.id, '{}')
                on conflict do nothing;
            select instants into recent from apikeys_requestwindow where key_id = key.id for update;
        end if;
        log_at := clock_timestamp();
        recent := array(select i from unnest(recent) i where i >= log_at - interval '60 s' order by i);
        if cardinality(recent) >= quota then
            outcome := 'limited';
            remaining := 0;
        else
            outcome := 'admitted';
            recent := recent || log_at;
            remaining := quota - cardinality(recent);
            update apikeys_requestwindow set instants = recent where key_id = key.id;
        end if;
        -- When the next place is free: at once where one is left.
        wait_seconds := case when remaining > 0 then 0 else extract(epoch from
            recent[cardinality(recent) - quota + 1] + interval '60 s' - log_at) end;
    end if;
    insert into apikeys_requestlog
        (at, key_public_id, customer_id, method, route, correlation_id, address)
        values (log_at, coalesce(key.public_id, ''), customer, given_method, given_route, correlation, caller)
        returning id into log_id;
    return next;
end $$;
"""


class Migration(migrations.Migration):
    dependencies = [("apikeys", "0001_initial")]
    operations = [RoleSQL(TABLES), RoleSQL(FINAL), RoleSQL(ADMIT)]
