"""The customer's tiers become an array once a query, no longer once a row."""

from django.db import migrations

from customers.policies import OWN_RULES, TIERS
from groundwork.roles import altered


class Migration(migrations.Migration):
    dependencies = [("customers", "0011_the_sandbox_is_not_everyone")]
    operations = [
        altered("customers_visibilityrule", OWN_RULES),
        altered("customers_tier", f"id = any({TIERS})"),
    ]
