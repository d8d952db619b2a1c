from django.db import migrations

from groundwork.roles import RoleSQL

# Admissions no longer wait for the disk; completions, many at once and with nobody waiting, do it for both.
COMPLETE = """
create or replace function apikeys_complete(
    given_at timestamptz, given_id bigint, given_status integer,
    given_milliseconds double precision, given_bytes integer
) returns void language plpgsql as $$
begin
    update apikeys_requestlog
    set status = given_status, milliseconds = given_milliseconds, bytes_sent = given_bytes
    where at = given_at and id = given_id;
    if given_at < date_trunc('hour', clock_timestamp(), 'UTC') then
        insert into apikeys_usagedue (hour) values (date_trunc('hour', given_at, 'UTC'))
            on conflict (hour) do update set hour = excluded.hour;
    end if;
end $$;
"""


class Migration(migrations.Migration):
    dependencies = [("apikeys", "0012_requests_by_chosen_ids")]
    operations = [RoleSQL(COMPLETE)]
