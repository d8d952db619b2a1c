from django.db import migrations

from groundwork.roles import RoleSQL, protected

# Whose names a customer may read: of what carries a variant that it sees. Run as the caller, so the
# variants' own policy decides; an array, found once a query.
SEEN = """
create function catalog_mirror_seen(kind text) returns bigint[] language plpgsql stable as $$
begin
    return case kind
        when 'source' then array(select distinct v.source_id from catalog_mirror_variant v)
        when 'brand' then array(
            select distinct v.brand_id from catalog_mirror_variant v where v.brand_id is not null)
        when 'category' then array(
            select distinct unnest(v.category_ids) from catalog_mirror_variant v)
    end;
end $$;
grant execute on function catalog_mirror_seen(text) to <api>;
"""


class Migration(migrations.Migration):
    dependencies = [("catalog_mirror", "0005_position")]
    operations = [
        RoleSQL(SEEN),
        *(
            protected(
                f"catalog_mirror_{kind}", f"id = any((select catalog_mirror_seen('{kind}'))::bigint[])"
            )
            for kind in ("source", "brand", "category")
        ),
    ]
