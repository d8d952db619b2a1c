from django.db import migrations

from groundwork.roles import RoleSQL, definer, protected


def subjects(name: str) -> str:
    """An array of the transaction's gate. Evaluated once a query; unset, it lets nothing through."""
    return f"(select nullif(current_setting('tradecounter.{name}', true), ''))::bigint[]"


def covered(effect: str) -> str:
    # 0 among the sources stands for everything.
    return f"""(
        source_id = any({subjects(effect + "_sources")})
        or 0 = any({subjects(effect + "_sources")})
        or coalesce(brand_id, 0) = any({subjects(effect + "_brands")})
        or category_ids && {subjects(effect + "_categories")}
        or product_id = any({subjects(effect + "_products")})
        or id = any({subjects(effect + "_variants")})
    )"""


GATE = f"is_published and {covered('allow')} and not {covered('deny')}"
OF_VISIBLE = "exists (select from catalog_mirror_variant v where v.id = variant_id)"

REVISIONS = """
grant select (number, nonce, recorded_at, touches_rules) on catalog_mirror_revision to <api>;
grant select on catalog_mirror_epoch to <api>;
"""

# What a filter's slug stands for. Ids alone: they are of use only through the gate.
SUBJECT_IDS = """
create function catalog_mirror_subject_ids(kind text, slug text) returns bigint[]
language sql stable as $$
    select coalesce(array_agg(id), '{}') from (
        select id from catalog_mirror_source s where kind = 'source' and s.slug = $2
        union all select id from catalog_mirror_brand b where kind = 'brand' and b.slug = $2
        union all select id from catalog_mirror_category c where kind = 'category' and c.slug = $2
        union all select id from catalog_mirror_product p where kind = 'product' and p.code = $2
    ) named
$$;
"""


class Migration(migrations.Migration):
    dependencies = [("catalog_mirror", "0002_what_django_cannot_say")]
    operations = [
        RoleSQL(REVISIONS),
        protected("catalog_mirror_variant", GATE),
        protected("catalog_mirror_variantdocument", OF_VISIBLE),
        protected("catalog_mirror_varianthistory", OF_VISIBLE),
        protected("catalog_mirror_stocklevel", OF_VISIBLE),
        RoleSQL(SUBJECT_IDS),
        definer("catalog_mirror_subject_ids(text, text)"),
    ]
