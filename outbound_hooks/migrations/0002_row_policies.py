"""Partners read their own endpoints, deliveries and attempts; never a secret."""

from django.db import migrations

from customers.policies import WHO
from groundwork.roles import RoleSQL, protected

_SEEN = """
    id, public_id, customer_id, url, description, facets, signs_body, previous_until, is_enabled,
    disabled_at, disabled_reason, failures, failing_since, closed_until, created_at
"""


class Migration(migrations.Migration):
    dependencies = [("outbound_hooks", "0001_endpoints"), ("customers", "0003_row_policies")]

    operations = [
        *(
            protected(f"outbound_hooks_{table}", f"customer_id = {WHO}")
            for table in ("endpoint", "delivery", "attempt")
        ),
        RoleSQL(f"""
            revoke select on outbound_hooks_endpoint from <api>;
            grant select ({_SEEN}) on outbound_hooks_endpoint to <api>;
        """),
    ]
