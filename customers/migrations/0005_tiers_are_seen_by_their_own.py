from django.db import migrations

from customers.policies import TIERS
from groundwork.roles import protected


class Migration(migrations.Migration):
    dependencies = [("customers", "0004_no_equal_rules")]
    operations = [protected("customers_tier", f"id = any({TIERS})")]
