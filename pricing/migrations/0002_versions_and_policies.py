from django.db import migrations

from customers.policies import OWN_RULES
from groundwork.roles import RoleSQL, protected

TRIGGER = """
create trigger version_is_final before update or delete on pricing_pricerule
    for each row execute function customers_version_is_final();
"""

class Migration(migrations.Migration):
    dependencies = [("pricing", "0001_initial"), ("customers", "0003_row_policies")]
    operations = [RoleSQL(TRIGGER), protected("pricing_pricerule", OWN_RULES)]
