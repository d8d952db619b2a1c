from django.db import migrations

from groundwork.roles import RoleSQL

REFUSE = """
create trigger append_only_as_a_whole before truncate on groundwork_auditentry
    for each statement execute function groundwork_append_only();
"""


class Migration(migrations.Migration):
    dependencies = [("groundwork", "0003_alarms")]
    operations = [RoleSQL(REFUSE)]
