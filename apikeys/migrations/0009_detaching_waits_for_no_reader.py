from django.db import migrations

from groundwork.roles import RoleSQL

# While this waits for a reader of the log, each request waits behind it. So it gives up at once, and
# who calls it tries again.
PATIENCE = "alter function apikeys_detach_months(timestamptz, integer) set lock_timeout = '100ms'"


class Migration(migrations.Migration):
    dependencies = [("apikeys", "0008_late_completions_lock_their_hour")]
    operations = [RoleSQL(PATIENCE)]
