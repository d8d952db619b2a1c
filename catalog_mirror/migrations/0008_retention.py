import django.db.models.functions.datetime
from django.db import migrations, models

from groundwork.roles import RoleSQL, definer

# As before, but that what only moved in stock is left out where nobody asks for stock: a feed of
# products or prices would else look at every sale of the shop.
# A function that works with the app role's rights is the app role's.
CANDIDATES = """
set local role <app>;
drop function catalog_mirror_candidates(
    bigint, bigint, integer, bigint[], bigint[], bigint[], bigint[], bigint[]);
set local role <owner>;
create function catalog_mirror_candidates(
    since bigint, after bigint, most integer,
    sources bigint[], brands bigint[], categories bigint[], products bigint[], variants bigint[],
    with_stock boolean default true
) returns setof bigint language plpgsql stable as $$
begin
    if 0 = any(sources) then
        return query select id from catalog_mirror_variant
            where id > after order by id limit most;
        return;
    end if;
    return query
    (select id from catalog_mirror_variant
        where touched_revision > since and id > after order by id limit most)
    union (select id from catalog_mirror_variant
        where with_stock and stock_revision > since and id > after order by id limit most)
    union (select id from catalog_mirror_variant
        where source_id = any(sources) and id > after order by id limit most)
    union (select id from catalog_mirror_variant
        where brand_id = any(brands) and id > after order by id limit most)
    union (select id from catalog_mirror_variant
        where category_ids && categories and id > after order by id limit most)
    union (select id from catalog_mirror_variant
        where product_id = any(products) and id > after order by id limit most)
    union (select id from catalog_mirror_variant
        where id = any(variants) and id > after order by id limit most)
    order by 1 limit most;
end $$;
"""


class Migration(migrations.Migration):
    dependencies = [("catalog_mirror", "0007_brake")]
    operations = [
        migrations.CreateModel(
            name="Pruning",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("until_revision", models.BigIntegerField()),
                ("variant_states", models.PositiveIntegerField()),
                (
                    "pruned_at",
                    models.DateTimeField(db_default=django.db.models.functions.datetime.Now()),
                ),
            ],
            options={
                "indexes": [models.Index(fields=["until_revision"], name="pruning_floor")],
            },
        ),
        RoleSQL("grant select on catalog_mirror_pruning to <api>;"),
        RoleSQL(CANDIDATES),
        definer(
            "catalog_mirror_candidates(bigint, bigint, integer, bigint[], bigint[], bigint[], "
            "bigint[], bigint[], boolean)"
        ),
    ]
