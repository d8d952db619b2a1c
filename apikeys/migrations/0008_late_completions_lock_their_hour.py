from django.db import migrations

from groundwork.roles import RoleSQL

# A completion after its hour's end has the hour summed up again. It locks the hour's row even where
# that is there: a run that deletes it waits for the completion, or the completion for the run.
COMPLETE = """
create or replace function apikeys_complete(
    given_at timestamptz, given_id bigint, given_status integer,
    given_milliseconds double precision, given_bytes integer
) returns void language plpgsql as $$
begin
    perform set_config('synchronous_commit', 'off', true);
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
    dependencies = [("apikeys", "0007_who_is_barred_and_what_is_logged")]
    operations = [RoleSQL(COMPLETE)]
