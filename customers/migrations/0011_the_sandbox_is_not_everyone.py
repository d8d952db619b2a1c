"""Rules of everyone do not reach the sandbox's customer; a template lets nobody see its source."""

from django.db import migrations, models

from customers.models import SANDBOX
from customers.policies import OWN_RULES
from groundwork.roles import RoleSQL, altered

# Both functions read past the row policies, so they say it themselves: in one place each. `or replace`
# keeps a function's owner and grants, and what pg_get_functiondef tells holds its other properties.
FUNCTIONS = f"""
grant create on schema public to <app>;
set local role <app>;
do $do$
declare
    each regprocedure;
    body text;
begin
    foreach each in array array[
        'customers_entitlement(timestamptz)',
        'customers_states_since(bigint[], bigint)']::regprocedure[]
    loop
        body := pg_get_functiondef(each);
        if strpos(body, 'and who is not null') = 0 then
            raise exception '% does not say whom rules of everyone reach', each;
        end if;
        execute replace(body, 'and who is not null', 'and who <> {SANDBOX}');
    end loop;
end $do$;
set local role <owner>;
revoke create on schema public from <app>;
"""


class Migration(migrations.Migration):
    dependencies = [("customers", "0010_applications")]
    operations = [
        altered("customers_visibilityrule", OWN_RULES),
        RoleSQL(FUNCTIONS),
        migrations.AddConstraint(
            model_name="visibilitytemplateline",
            constraint=models.CheckConstraint(
                condition=models.Q(("source", -1), _negated=True),
                name="template_line_is_of_a_real_source",
                violation_error_message="No customer sees the sandbox's source. Choose another.",
            ),
        ),
    ]
