"""The search for candidates is planned for the cursor it is asked with.

A partner's transaction forces generic plans; for this function one reads every variant in the order of ids
(25 ms of 20,000), where a plan for the revision at hand goes by the index on it (1 ms).
"""

from django.db import migrations

from groundwork.roles import RoleSQL

_FUNCTION = """
    catalog_mirror_candidates(
        bigint, bigint, integer, bigint[], bigint[], bigint[], bigint[], bigint[], boolean)
"""


class Migration(migrations.Migration):
    dependencies = [("catalog_mirror", "0008_retention")]
    operations = [
        RoleSQL(f"""
            set local role <app>;
            alter function {_FUNCTION} set plan_cache_mode to 'force_custom_plan';
            set local role <owner>;
        """)
    ]
