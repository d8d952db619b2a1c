from django.db import migrations

from groundwork.roles import RoleSQL

# Not waited for: a completion that a crash of the database takes with it leaves the null status
# that tells of a crash. A function keeps its plan for the session.
COMPLETE = """
create function apikeys_complete(
    given_at timestamptz, given_id bigint, given_status integer,
    given_milliseconds double precision, given_bytes integer
) returns void language plpgsql as $$
begin
    perform set_config('synchronous_commit', 'off', true);
    update apikeys_requestlog
    set status = given_status, milliseconds = given_milliseconds, bytes_sent = given_bytes
    where at = given_at and id = given_id;
end $$;
"""


class Migration(migrations.Migration):
    dependencies = [("apikeys", "0002_log_window_and_admission")]
    operations = [RoleSQL(COMPLETE)]
