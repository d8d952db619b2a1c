from django.db import migrations

from groundwork.roles import RoleSQL, definer

# The variants that may differ since a revision, hidden ones included: ids, in order, at most `most`.
# An arm for each way to become one; 0 among the sources stands for everything.
CANDIDATES = """
create function catalog_mirror_candidates(
    since bigint, after bigint, most integer,
    sources bigint[], brands bigint[], categories bigint[], products bigint[], variants bigint[]
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
        where stock_revision > since and id > after order by id limit most)
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
    dependencies = [("catalog_mirror", "0003_row_policies")]
    operations = [
        RoleSQL(CANDIDATES),
        definer(
            "catalog_mirror_candidates(bigint, bigint, integer, bigint[], bigint[], bigint[], "
            "bigint[], bigint[])"
        ),
    ]
