"""An index for the ids that partners chose; ids of ours tell their time, and are not in it.

Made month by month while requests go on: over the whole log at once it would keep them waiting. Where it
was ended, it goes on with the months that are left when it is run again.
"""

import time

from django.db import OperationalError, migrations
from psycopg.errors import LockNotAvailable

WHOLE = "requestlog_of_chosen_id"
ON = r"(correlation_id) where not (correlation_id::text ~ '^t[0-9a-f]{11}-[0-9a-f]{20}$')"
# A month that is made from now on has its own from the whole's.
WITHOUT = """
    select c.relname from pg_inherits i join pg_class c on c.oid = i.inhrelid
    where i.inhparent = 'apikeys_requestlog'::regclass and not exists (
        select from pg_index x join pg_inherits of_whole on of_whole.inhrelid = x.indexrelid
        where x.indrelid = c.oid and of_whole.inhparent = %s::regclass
    )
    order by 1 limit 1
"""
# Requests wait behind who waits for the month's index, so it is tried often and not for long.
TRIES, PAUSE = 100, 0.2  # seconds


def index_the_months(_apps, schema_editor):
    with schema_editor.connection.cursor() as cursor:
        cursor.execute(f"create index if not exists {WHOLE} on only apikeys_requestlog {ON}")
        while month := month_without(cursor):
            # It waits for whoever read before, a backup perhaps, and nobody waits for it.
            cursor.execute("set lock_timeout = 0")
            cursor.execute(f"drop index concurrently if exists {month}_chosen")
            cursor.execute(f"create index concurrently {month}_chosen on {month} {ON}")
            attach(cursor, month)
        cursor.execute("set lock_timeout = '10s'")  # as it was for a migration


def month_without(cursor):
    cursor.execute(WITHOUT, [WHOLE])
    found = cursor.fetchone()
    return found[0] if found else None


def attach(cursor, month):
    cursor.execute("set lock_timeout = '100ms'")
    for left in reversed(range(TRIES)):
        try:
            cursor.execute(f"alter index {WHOLE} attach partition {month}_chosen")
        except OperationalError as error:
            if not (left and isinstance(error.__cause__, LockNotAvailable)):
                raise
            time.sleep(PAUSE)
        else:
            return


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("apikeys", "0011_usage_is_summed_from_an_index")]
    operations = [migrations.RunPython(index_the_months, elidable=False)]
