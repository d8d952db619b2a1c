"""An index for the ids that partners chose; ids of ours tell their time, and cost no request an index.

Made month by month while requests go on: over the whole log at once it would keep them waiting.
"""

from django.db import migrations

WHOLE = "requestlog_of_chosen_id"
ON = r"(correlation_id) where not (correlation_id::text ~ '^t[0-9a-f]{11}-[0-9a-f]{20}$')"
# A month that is made from now on has its own from the whole's.
WITHOUT = """
    select c.relname from pg_inherits i join pg_class c on c.oid = i.inhrelid
    where i.inhparent = 'apikeys_requestlog'::regclass and not exists (
        select from pg_index x join pg_inherits of_whole on of_whole.inhrelid = x.indexrelid
        where x.indrelid = c.oid and of_whole.inhparent = %s::regclass
    )
    order by 1
"""


def index_the_months(_apps, schema_editor):
    with schema_editor.connection.cursor() as cursor:
        cursor.execute(f"create index if not exists {WHOLE} on only apikeys_requestlog {ON}")
        cursor.execute(WITHOUT, [WHOLE])
        for (month,) in cursor.fetchall():
            cursor.execute(f"drop index if exists {month}_chosen")  # half made by one that failed
            cursor.execute(f"create index concurrently {month}_chosen on {month} {ON}")
            cursor.execute(f"alter index {WHOLE} attach partition {month}_chosen")


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("apikeys", "0011_usage_is_summed_from_an_index")]
    operations = [migrations.RunPython(index_the_months, elidable=False)]
