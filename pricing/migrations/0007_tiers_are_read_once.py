"""The customer's tiers become an array once a query, no longer once a row."""

from django.db import migrations

from customers.policies import OWN_RULES
from groundwork.roles import altered


class Migration(migrations.Migration):
    dependencies = [("pricing", "0006_the_sandbox_is_not_everyone")]
    operations = [
        altered(table, OWN_RULES)
        for table in ("pricing_pricerule", "pricing_orderrule", "pricing_orderminimum")
    ]
