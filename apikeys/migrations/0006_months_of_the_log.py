from django.db import migrations

from groundwork.roles import RoleSQL

# A month is made as a table and attached, which locks out no one but the writers of the table for
# strays; what strayed there is moved. Making it as a partition at once would lock the whole log.
MAKE = """
create function apikeys_make_months(now timestamptz, ahead integer) returns text[]
language plpgsql security definer set search_path = public, pg_temp set lock_timeout = '2s'
set timezone = 'UTC' as $$
declare
    month timestamptz;
    name text;
    made text[] := '{}';
begin
    -- One at a time: two beats would make the same table.
    perform pg_advisory_xact_lock(hashtext('apikeys_requestlog'));
    for month in
        -- The months to come, and those of which rows strayed.
        select m from generate_series(
            date_trunc('month', now),
            date_trunc('month', now) + make_interval(months => ahead),
            interval '1 month') m
        union
        select distinct date_trunc('month', at) from apikeys_requestlog_other
        order by 1
    loop
        name := 'apikeys_requestlog_' || to_char(month, 'YYYY_MM');
        continue when to_regclass(name) is not null;
        execute format('create table %I (like apikeys_requestlog including all)', name);
        lock table apikeys_requestlog_other in access exclusive mode;
        execute format(
            'with strays as (
                delete from apikeys_requestlog_other
                where at >= %1$L::timestamptz and at < %1$L::timestamptz + interval ''1 month'' returning *)
             insert into %2$I select * from strays', month, name);
        execute format('alter table apikeys_requestlog attach partition %I for values from (%L) to (%L)',
            name, month, month + interval '1 month');
        made := made || name;
    end loop;
    return made;
end $$;
"""

DETACH = """
create function apikeys_detach_months(now timestamptz, kept integer) returns text[]
language plpgsql security definer set search_path = public, pg_temp set lock_timeout = '2s'
set timezone = 'UTC' as $$
declare
    name text;
    detached text[] := '{}';
begin
    perform pg_advisory_xact_lock(hashtext('apikeys_requestlog'));
    for name in
        select c.relname from pg_inherits i join pg_class c on c.oid = i.inhrelid
        where i.inhparent = 'apikeys_requestlog'::regclass
          and c.relname ~ '^apikeys_requestlog_[0-9]{4}_[0-9]{2}$'
          and to_date(right(c.relname, 7), 'YYYY_MM')
              < date_trunc('month', now) - make_interval(months => greatest(kept, 1))
        order by 1
    loop
        execute format('alter table apikeys_requestlog detach partition %I', name);
        detached := detached || name;
    end loop;
    return detached;
end $$;
"""

DROP = """
create function apikeys_drop_month(name text) returns void
language plpgsql security definer set search_path = public, pg_temp set lock_timeout = '2s' as $$
begin
    if name !~ '^apikeys_requestlog_[0-9]{4}_[0-9]{2}$'
       or exists (select from pg_inherits where inhrelid = to_regclass(name)) then
        raise exception '% is no detached month', name using errcode = 'restrict_violation';
    end if;
    execute format('drop table %I', name);
end $$;
"""


class Migration(migrations.Migration):
    dependencies = [("apikeys", "0005_doors_of_the_life_of_a_key")]
    operations = [RoleSQL(MAKE), RoleSQL(DETACH), RoleSQL(DROP)]
