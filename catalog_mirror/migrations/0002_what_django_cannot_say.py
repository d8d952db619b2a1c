from django.db import migrations

from groundwork.roles import RoleSQL

SQL = """
-- A unique index can be partial or deferrable, not both; an exclusion constraint can.
alter table catalog_mirror_variant add constraint sku_once_among_live
    exclude using btree (sku with =) where (retired_at is null) deferrable initially deferred;

-- The first life of this database, and the state before anything happened in it.
insert into catalog_mirror_epoch (number, started_at) values (1, now());
insert into catalog_mirror_revision (number, nonce, recorded_at, origin, correlation_id, touches_rules)
    values (0, gen_random_uuid(), now(), 'installed', '', false);
"""


class Migration(migrations.Migration):
    dependencies = [("catalog_mirror", "0001_initial")]
    operations = [RoleSQL(SQL)]
