from django.db import migrations

from groundwork.roles import RoleSQL

# Authentication, limit and the log's insert in one short transaction on the primary, as before. New is
# whom the failures of an address bar, and that the strangers' limit holds for strangers alone.
# Digests are hashed once more with the caller's nonce, so that how long the comparison takes tells
# nothing. The window's row is locked: of requests at once, each counts the ones before it.
ADMIT = """
create or replace function apikeys_admit(
    given_id text, given_mode text, digest bytea, nonce bytea, fault text,
    given_method text, given_route text, correlation text,
    caller inet, logged inet, from_network text, from_source inet,
    strangers_logged integer, failures_allowed integer
) returns table (
    outcome text, log_at timestamptz, log_id bigint, customer bigint, scopes text[],
    quota integer, remaining integer, wait_seconds double precision,
    label text, expires_at timestamptz
) language plpgsql as $$
declare
    failures timestamptz[];
    is_barred boolean := false;
    own_id bigint;
    key_customer bigint;
    is_key boolean := false;  -- the key is known and its secret right
    is_revoked boolean;
    is_over boolean;
    is_outside boolean;
    was timestamptz[];  -- the instants of the key's window, as they were read
    recent timestamptz[];
    seen text;
    is_locked boolean := false;
    has_tried boolean := false;
    refused integer;
begin
    log_at := clock_timestamp();
    -- Who failed too often is not looked up, but for a key that was used from this very network or is
    -- meant for it: of those behind one address nobody locks out another. Who has no address cannot
    -- be told from anybody else, so nobody is barred for the lack of one. No secret is read here, and
    -- each question is a statement of its own, as permissions are asked for all tables of one.
    select f.instants into failures from apikeys_failurewindow f where f.source = from_source;
    if found and caller is not null and cardinality(failures) >= failures_allowed
       and failures[1] > log_at - interval '60 s' then
        is_barred := not exists (select from apikeys_keynetwork n
                                 where n.key_public_id = given_id and n.network = from_network);
        if is_barred and given_id <> '' then
            is_barred := not exists (
                select from apikeys_apikey k
                where k.public_id = given_id and k.mode = given_mode and k.revoked_at is null
                  and coalesce(k.expires_at > log_at, true)
                  and caller <<= any (k.allowed_networks::cidr[]));
        end if;
    end if;
    if is_barred then
        outcome := 'barred';
        wait_seconds := extract(epoch from failures[1] + interval '60 s' - log_at);
        perform set_config('synchronous_commit', 'off', true);  -- of many, a crash may take the last
    elsif given_id <> '' then
        loop
            -- What is decided is decided here: each expression of its own costs as much as a column.
            select k.id, k.customer_id, nullif(k.scopes, '{}'), k.label, k.expires_at,
                   coalesce(k.requests_a_minute, l.requests_a_minute, 60),
                   sha256(k.secret_sha256 || nonce) = sha256(digest || nonce),
                   k.revoked_at is not null,
                   k.revoked_at is not null or coalesce(k.expires_at <= log_at, false),
                   case when k.allowed_networks = '{}' then false
                        else coalesce(not caller <<= any (k.allowed_networks::cidr[]), true) end,
                   w.instants, w.network
            into own_id, key_customer, scopes, label, expires_at, quota,
                 is_key, is_revoked, is_over, is_outside, was, seen
            from apikeys_apikey k join apikeys_requestwindow w on w.key_id = k.id
                left join apikeys_customerlimit l on l.customer_id = k.customer_id
            where k.public_id = given_id and k.mode = given_mode;
            exit when found or has_tried;
            -- Its first request, or the first after a crash: the table is unlogged.
            insert into apikeys_requestwindow (key_id, instants)
                select k.id, '{}' from apikeys_apikey k
                where k.public_id = given_id and k.mode = given_mode
                on conflict do nothing;
            has_tried := true;
        end loop;
    end if;

    if is_key and outcome is null and fault = '' and not is_over and not is_outside then
        customer := key_customer;
        recent := was;
        -- Taken as it was read; where another took a place meanwhile, once more under the row's lock.
        loop
            -- Never before the newest, so that they stay in order.
            log_at := greatest(clock_timestamp(), recent[cardinality(recent)]);
            recent := recent[width_bucket(log_at - interval '60.000001 s', recent) + 1:];
            remaining := quota - cardinality(recent);
            exit when remaining <= 0;
            update apikeys_requestwindow w set instants = recent || log_at, network = from_network
                where w.key_id = own_id and (is_locked or w.instants = was);
            exit when found;
            select w.instants into recent from apikeys_requestwindow w
                where w.key_id = own_id for update;
            is_locked := true;
        end loop;
        if remaining > 0 then
            outcome := 'admitted';
            remaining := remaining - 1;
            if seen is distinct from from_network and from_network is not null then
                insert into apikeys_keynetwork (key_public_id, network, first_seen_at)
                    values (given_id, from_network, log_at) on conflict do nothing;
                -- The first of a key is where it belongs.
                if found and exists (select from apikeys_keynetwork n
                        where n.key_public_id = given_id and n.network <> from_network) then
                    perform apikeys_suspect('new_network', given_id, log_at);
                end if;
            end if;
        else
            outcome := 'limited';
            remaining := 0;
        end if;
        -- When the next place is free: at once where one is left.
        if remaining = 0 then
            recent := case when outcome = 'admitted' then recent || log_at else recent end;
            wait_seconds := extract(epoch from
                recent[cardinality(recent) - quota + 1] + interval '60 s' - log_at);
        else
            wait_seconds := 0;
        end if;
    else
        outcome := case
            when outcome is not null then outcome
            when fault <> '' then 'faulty'
            when is_key and not is_over then 'outside'
            else 'refused' end;
        is_key := coalesce(is_key, false);
        scopes := null;
        quota := null;
        label := null;
        expires_at := null;
        -- Strangers alone are rows up to a limit: of a key that was recognised each request is one.
        if not is_key then
            insert into apikeys_refusedstrangers as s (address, hour, refusals)
                values (from_source, date_trunc('hour', log_at, 'UTC'), 1)
                on conflict (address, hour) do update set refusals = s.refusals + 1
                returning refusals into refused;
        end if;
        if outcome <> 'barred' and caller is not null then
            insert into apikeys_failurewindow as f (source, instants)
                values (from_source, array[log_at])
                on conflict (source) do update set instants = (f.instants || log_at)
                    [greatest(1, cardinality(f.instants) + 2 - failures_allowed):];
        end if;
        if outcome = 'outside' then
            perform apikeys_suspect('outside', given_id, log_at);
        elsif fault = 'key_in_url' and is_key then
            perform apikeys_suspect('exposed', given_id, log_at);
        elsif outcome = 'refused' and is_key and is_revoked then
            perform apikeys_suspect('revoked', given_id, log_at);
        elsif outcome = 'refused' and given_id <> '' and not is_key then
            perform apikeys_suspect('unknown', host(from_source), log_at);
        end if;
        -- A key that has ended passes no more where its address is barred.
        if outcome = 'refused' and is_key then
            delete from apikeys_keynetwork n
            where n.key_public_id = given_id and n.network = from_network;
        end if;
        if refused > strangers_logged then
            return next;
            return;
        end if;
    end if;
    insert into apikeys_requestlog
        (at, key_public_id, customer_id, method, route, correlation_id, address)
        values (log_at, case when is_key then given_id else '' end,
                case when is_key then key_customer end, given_method, given_route, correlation, logged)
        returning id into log_id;
    return next;
end $$;
"""


class Migration(migrations.Migration):
    dependencies = [("apikeys", "0006_months_of_the_log")]
    operations = [RoleSQL(ADMIT)]
