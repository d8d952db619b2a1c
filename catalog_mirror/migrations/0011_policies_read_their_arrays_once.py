from django.db import migrations

from groundwork.roles import altered


def subjects(name: str) -> str:
    """An array of the transaction's gate, evaluated once a query. Unset, it lets nothing through.

    It becomes an array inside the parentheses: outside them, that was done again for each row. The
    cast behind them costs nothing; without it `any` would look through a query's rows.
    """
    return f"(select nullif(current_setting('tradecounter.{name}', true), '')::bigint[])::bigint[]"


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


class Migration(migrations.Migration):
    dependencies = [("catalog_mirror", "0010_traces_by_cause")]
    operations = [
        altered(
            "catalog_mirror_variant",
            f"is_published and {covered('allow')} and not {covered('deny')}",
        )
    ]
