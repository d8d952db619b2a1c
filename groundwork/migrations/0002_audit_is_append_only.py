from django.db import migrations

from groundwork.roles import RoleSQL

REFUSE = """
create function groundwork_append_only() returns trigger language plpgsql as $$
begin
    raise exception '% is append-only', tg_table_name using errcode = 'restrict_violation';
end $$;
create trigger append_only before update or delete on groundwork_auditentry
    for each row execute function groundwork_append_only();
"""


class Migration(migrations.Migration):
    dependencies = [("groundwork", "0001_initial")]
    operations = [RoleSQL(REFUSE)]
