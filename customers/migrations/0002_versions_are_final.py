from django.db import migrations

from groundwork.roles import RoleSQL

# The generated columns are not computed yet when the trigger runs; they follow the others.
FUNCTION = """
create function customers_version_is_final() returns trigger language plpgsql as $$
begin
    if tg_op = 'UPDATE' and old.until_revision is null and new.until_revision is not null
       and to_jsonb(new) - array['until_revision', 'subject_kind', 'subject_id']
         = to_jsonb(old) - array['until_revision', 'subject_kind', 'subject_id'] then
        return new;
    end if;
    raise exception 'a version of % is only ever closed', tg_table_name
        using errcode = 'restrict_violation';
end $$;
"""
TRIGGER = """
create trigger version_is_final before update or delete on {table}
    for each row execute function customers_version_is_final();
"""


class Migration(migrations.Migration):
    dependencies = [("customers", "0001_initial")]
    operations = [
        RoleSQL(FUNCTION),
        RoleSQL(TRIGGER.format(table="customers_customerterms")),
        RoleSQL(TRIGGER.format(table="customers_visibilityrule")),
    ]
