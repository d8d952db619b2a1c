"""Prices, order rules and order minimums of everyone do not reach the sandbox's customer."""

from django.db import migrations

from customers.policies import OWN_RULES
from groundwork.roles import altered


class Migration(migrations.Migration):
    dependencies = [
        ("pricing", "0005_what_the_database_refuses"),
        ("customers", "0011_the_sandbox_is_not_everyone"),
    ]
    operations = [
        altered(table, OWN_RULES)
        for table in ("pricing_pricerule", "pricing_orderrule", "pricing_orderminimum")
    ]
